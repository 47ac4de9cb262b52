"""What somebody concludes from one question of a quarterly review."""

from django import forms

from analytics.services import quarterly_reviews


class ConclusionForm(forms.Form):
    changes = forms.ChoiceField(
        label="What do you conclude?",
        choices=(("", "Leave it as it is"), ("yes", "Something should change")),
        required=False,
        widget=forms.RadioSelect,
    )
    note = forms.CharField(
        label="Why, or what",
        max_length=quarterly_reviews.LONGEST_NOTE,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For your next review. Nothing else on the site reads it.",
    )

    def clean_changes(self) -> bool:
        return self.cleaned_data["changes"] == "yes"
