from django import forms

from accounts.models import User


class AlertPreferencesForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("drift_alerts",)
        labels = {"drift_alerts": "Write to me when a portfolio leaves its bands"}
        help_texts = {
            "drift_alerts": "One e-mail when a portfolio drifts out of balance, not one a day "
            "while it stays there."
        }
