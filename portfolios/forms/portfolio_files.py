"""A portfolio's own file, to open it again."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile


class PortfolioFileForm(forms.Form):
    file = forms.FileField(
        label="File",
        help_text="CSV or JSON, as Settings exports it.",
        widget=forms.ClearableFileInput({"accept": ".csv,.json,text/csv,application/json"}),
        error_messages={"empty": "That file is empty."},
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        most = settings.PORTFOLIO_FILE_MAX_BYTES // 1_000_000
        # What is much larger does not arrive at all.
        self.fields["file"].error_messages["required"] = f"Choose a file of at most {most} MB."

    def clean_file(self) -> str:
        """The text of the file."""
        file: UploadedFile = self.cleaned_data["file"]
        if file.size is None or file.size > settings.PORTFOLIO_FILE_MAX_BYTES:
            raise forms.ValidationError(self.fields["file"].error_messages["required"])
        try:
            return file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise forms.ValidationError(
                "That is no text in UTF-8: choose the exported file."
            ) from error
