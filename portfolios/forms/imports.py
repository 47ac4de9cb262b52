"""What people say about the files that they import."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from accounts.selectors import time_zones
from portfolios.importers import formats, mapped
from portfolios.importers.formats import Questions
from portfolios.models import Asset
from portfolios.selectors.prices import LatestClose
from portfolios.services import import_answers, imports
from portfolios.services.tickers import Meaning

LEAVE_OUT, OTHER = "leave-out", "other"
LONGEST_ANSWER = 200


class UploadForm(forms.Form):
    file = forms.FileField(
        label="File",
        error_messages={
            "required": "Choose a file.",
            "missing": "Choose a file.",
            "empty": "The file is empty.",
        },
        widget=forms.FileInput({"accept": ".csv,.json,.txt,.tsv,text/csv"}),
    )

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > imports.most_bytes():
            raise forms.ValidationError(imports.too_large())
        return file


class QuestionsForm(forms.Form):
    """What the file does not say itself; only what has to be asked has a field."""

    def __init__(
        self,
        *args: Any,
        asked: Questions,
        titles: Sequence[str],
        columns: dict[str, str],
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.asked = asked
        if asked.formats:
            self.fields["format"] = forms.ChoiceField(
                label="Whose file is it?",
                choices=[(slug, formats.name(slug)) for slug in asked.formats],
                widget=forms.RadioSelect,
            )
        if asked.columns:
            guesses = mapped.guess(tuple(titles)) | columns
            for role, label in mapped.ROLES.items():
                self.fields[role] = forms.ChoiceField(
                    label=label,
                    required=False,
                    initial=guesses.get(role, ""),
                    choices=[("", "—"), *((title, title) for title in titles)],
                )
        if asked.days:
            self.fields["day_first"] = _either(
                f"What is {asked.days[0]}?", "The day first", "The month first"
            )
        if asked.numbers:
            self.fields["decimal_comma"] = _either(
                f"What is {asked.numbers[0]}?",
                "A comma before decimals",
                "A comma between thousands",
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.asked.columns and (lacking := mapped.missing(cleaned)):
            raise forms.ValidationError(lacking)
        return cleaned

    @property
    def answers(self) -> dict[str, Any]:
        """As portfolios.services.imports takes them."""
        answers: dict[str, Any] = {}
        if self.asked.formats:
            answers["format"] = self.cleaned_data["format"]
        if self.asked.columns:
            chosen = {role: self.cleaned_data.get(role, "") for role in mapped.ROLES}
            answers["columns"] = {role: title for role, title in chosen.items() if title}
        for name in ("day_first", "decimal_comma"):
            if name in self.fields:
                answers[name] = self.cleaned_data[name] == "yes"
        return answers


def _either(label: str, yes: str, no: str) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label,
        choices=[("yes", yes), ("no", no)],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose one of the two."},
    )


class TimeZoneForm(forms.Form):
    """Where the clock hung that a file's times are of."""

    time_zone = forms.ChoiceField(
        label="The file names no time zone. Its times are those of", choices=time_zones.choices
    )


class ShortfallsForm(forms.Form):
    """What to do about rows that take more than is there."""

    shortfalls = forms.ChoiceField(
        label="What shall become of them?",
        choices=[
            (import_answers.OPENING, "Open the history with what is missing"),
            (import_answers.LEAVE_OUT, "Leave these rows out"),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose one of the two."},
    )


class ConfirmForm(forms.Form):
    leave_out_refused = forms.BooleanField(required=False)


class TickersForm(forms.Form):
    """What each ticker is: one of its candidates, another asset, or nothing that is kept here."""

    def __init__(
        self,
        *args: Any,
        meanings: Iterable[Meaning],
        offered: Iterable[Asset],
        closes: Mapping[int, LatestClose],
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.meanings = list(meanings)
        self.closes = closes
        self.offered = {label(asset): asset for asset in offered}
        for place, meaning in enumerate(self.meanings):
            choices = [(str(asset.pk), str(asset)) for asset in meaning.candidates]
            choices += [(OTHER, "Another asset"), (LEAVE_OUT, "Leave its rows out")]
            self.fields[f"ticker-{place}"] = forms.ChoiceField(
                label=meaning.ticker, choices=choices, required=False
            )
            self.fields[f"other-{place}"] = forms.CharField(
                label=f"Which asset is {meaning.ticker}?",
                required=False,
                max_length=LONGEST_ANSWER,
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for place, meaning in enumerate(self.meanings):
            typed = (cleaned.get(f"other-{place}") or "").strip()
            wanted = cleaned.get(f"ticker-{place}") == OTHER or (
                typed and not cleaned.get(f"ticker-{place}")
            )
            if wanted and typed not in self.offered:
                self.add_error(f"other-{place}", f"Choose what {meaning.ticker} is from the list.")
        return cleaned

    @property
    def chosen(self) -> dict[str, Asset | None]:
        """What was answered; what was not is asked again."""
        chosen: dict[str, Asset | None] = {}
        for place, meaning in enumerate(self.meanings):
            answer = self.cleaned_data.get(f"ticker-{place}")
            typed = (self.cleaned_data.get(f"other-{place}") or "").strip()
            if answer == LEAVE_OUT:
                chosen[meaning.ticker] = None
            elif answer and answer != OTHER:
                by_pk = {str(asset.pk): asset for asset in meaning.candidates}
                chosen[meaning.ticker] = by_pk[answer]
            elif typed in self.offered:
                chosen[meaning.ticker] = self.offered[typed]
        return chosen

    def rows(self) -> Iterator[Any]:
        """Each ticker, its two fields, and its candidates with their latest closes."""
        for place, meaning in enumerate(self.meanings):
            candidates = [(asset, self.closes.get(asset.pk)) for asset in meaning.candidates]
            yield meaning, self[f"ticker-{place}"], self[f"other-{place}"], candidates


def label(asset: Asset) -> str:
    """What an asset is called in the list that one types into; no two are called the same."""
    return f"{asset} ({asset.coingecko_id or f'your own, {asset.pk}'})"
