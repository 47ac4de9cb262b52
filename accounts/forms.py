from typing import Any

from allauth.account import forms as account
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from django import forms

from accounts.models import ApiToken, Kind, User
from accounts.selectors import time_zones
from accounts.services import mail_previews, tokens, webhooks

LABELS = {
    "login": "E-mail address",
    "email": "E-mail address",
    "remember": "Stay logged in on this device",
    "oldpassword": "Your password now",
    "password": "Password",
    "code": "Code",
    "name": "Name of the key",
    "passwordless": "Let this key log me in alone",
}
HELP = {
    "passwordless": "A passkey: no password, but the key asks for a PIN, a finger or a face.",
}


class InOurWords(forms.Form):
    """One of allauth's forms, with our labels."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.fields.keys() & LABELS.keys():
            self.fields[name].label = LABELS[name]
        for name in self.fields.keys() & HELP.keys():
            self.fields[name].help_text = HELP[name]
        if again := self.fields.get("password2"):
            first = self.fields["password1"]
            first.label = str(first.label).capitalize()
            again.label = f"{first.label}, once more"


class LoginForm(InOurWords, account.LoginForm):
    pass


class SignupForm(InOurWords, account.SignupForm):
    pass


class AddEmailForm(InOurWords, account.AddEmailForm):
    pass


class ChangePasswordForm(InOurWords, account.ChangePasswordForm):
    pass


class SetPasswordForm(InOurWords, account.SetPasswordForm):
    pass


class ResetPasswordForm(InOurWords, account.ResetPasswordForm):
    pass


class ResetPasswordKeyForm(InOurWords, account.ResetPasswordKeyForm):
    pass


class ReauthenticateForm(InOurWords, account.ReauthenticateForm):
    pass


class AuthenticateForm(InOurWords, mfa.AuthenticateForm):
    pass


class MFAReauthenticateForm(InOurWords, mfa.ReauthenticateForm):
    pass


class ActivateTOTPForm(InOurWords, totp.ActivateTOTPForm):
    pass


class AddWebAuthnForm(InOurWords, webauthn.AddWebAuthnForm):
    pass


class PreferencesForm(forms.ModelForm):
    time_zone = forms.ChoiceField(
        choices=time_zones.choices,
        help_text="Times are shown in it. Closing prices are those of the UTC day everywhere.",
    )
    letter_hour = forms.TypedChoiceField(
        label="Daily and weekly letters leave at",
        choices=[(hour, f"{hour:02}:00") for hour in range(24)],
        coerce=int,
        help_text="On the clock of your time zone, or up to an hour later.",
    )
    kinds = forms.MultipleChoiceField(
        label="Letters about",
        choices=Kind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Your notifications on the site show all of them in any case.",
    )

    class Meta:
        model = User
        fields = (
            "alert_preference", "letter_hour", "kinds", "time_zone", "theme", "number_style",
            "base_unit",
        )  # fmt: skip
        labels = {
            "alert_preference": "Write to me",
            "number_style": "Numbers",
            "base_unit": "Totals of portfolios",
        }
        help_texts = {
            "number_style": "What you type has a point and no separators everywhere: 1250.75.",
            "base_unit": "What a portfolio is worth, in US dollars and at the same close in this.",
        }
        widgets = {"alert_preference": forms.RadioSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["kinds"] = [
            kind for kind in Kind.values if kind not in self.instance.muted_kinds
        ]
        if self.instance.is_guest:
            for name in ("alert_preference", "letter_hour", "kinds"):
                del self.fields[name]

    def save(self, commit: bool = True) -> User:
        """Write what the form asks for, and nothing else of the person."""
        changed = [name for name in self.fields if name != "kinds"]
        if "kinds" in self.fields:
            wanted = self.cleaned_data["kinds"]
            self.instance.muted_kinds = [kind for kind in Kind.values if kind not in wanted]
            changed.append("muted_kinds")
        if commit:
            self.instance.save(update_fields=changed)
        person: User = self.instance
        return person


class TokenForm(forms.Form):
    """A new key to the API."""

    name = forms.CharField(max_length=60, label="What will use it", help_text="“Spreadsheet”, say.")
    scope = forms.ChoiceField(
        label="It may", choices=ApiToken.Scope, initial=ApiToken.Scope.READ,
        widget=forms.RadioSelect,
    )  # fmt: skip
    days = forms.TypedChoiceField(
        label="It works for",
        choices=[(days, f"{days} days") for days in tokens.LIFETIMES],
        initial=90,
        coerce=int,
    )


class WebhookForm(forms.Form):
    """Where a programme of one's own is told, and of what."""

    url = forms.CharField(
        label="Address",
        max_length=webhooks.LONGEST_ADDRESS,
        widget=forms.URLInput(attrs={"placeholder": "https://example.org/evenkeel"}),
        help_text="It begins with https:// and is reached over the public internet, on port 443.",
    )
    kinds = forms.MultipleChoiceField(
        label="Tell it about",
        choices=Kind.choices,
        initial=Kind.values,
        widget=forms.CheckboxSelectMultiple,
    )


class MailPreviewForm(forms.Form):
    """Which mail staff look at, and whose news it tells."""

    mail = forms.ChoiceField(label="Mail", choices=lambda: mail_previews.names().items())
    person = forms.EmailField(
        label="As written to",
        widget=forms.EmailInput(attrs={"class": "vTextField"}),
        help_text="Somebody's e-mail address; the demo's is as good.",
    )

    def clean_person(self) -> User:
        found = User.objects.filter(email=self.cleaned_data["person"].lower(), guest_since=None)
        if person := found.first():
            return person
        raise forms.ValidationError("Nobody here has this address.")


class DeleteAccountForm(forms.Form):
    address = forms.CharField(
        label="Type your e-mail address to confirm",
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "email"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["address"].help_text = f"It is {user.email}."

    def clean_address(self) -> str:
        address: str = self.cleaned_data["address"].strip().lower()
        if address != self.user.email:
            raise forms.ValidationError(f"This is not it. Type {self.user.email} here.")
        return address
