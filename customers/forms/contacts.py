"""People at a customer: what users may know of them, and the wish to be forgotten."""

from typing import Any
from zoneinfo import available_timezones

from django import forms

from customers.choices import LegalBasis
from customers.forms.follow_ups import date_input
from customers.models import Contact

FIELDS = (
    "email", "name", "role", "language", "time_zone", "do_not_survey",
    "legal_basis", "legal_basis_on", "legal_basis_source", "left_on",
)  # fmt: skip


class ContactForm(forms.Form):
    """A person: address, name, role, and whether and why they may be asked."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1)
    email = forms.EmailField(label="Mail address", max_length=254)
    name = forms.CharField(max_length=200, required=False)
    role = forms.CharField(
        max_length=60, required=False, help_text="Such as decision maker, influencer or user."
    )
    language = forms.RegexField(
        r"^[a-z]{2}(-[A-Za-z]{2,4})?$",
        required=False,
        help_text="Two letters, such as en or de. Empty: the campaign’s own.",
        error_messages={"invalid": "Use the two letters of the language, such as en."},
    )
    time_zone = forms.CharField(
        label="Time zone",
        max_length=64,
        required=False,
        help_text="Such as Europe/Berlin. Empty: the customer’s.",
    )
    do_not_survey = forms.BooleanField(label="Do not survey", required=False)
    legal_basis = forms.ChoiceField(
        label="May be asked because of",
        choices=[("", "not noted"), *LegalBasis.choices],
        required=False,
    )
    legal_basis_on = forms.DateField(label="Since", required=False, widget=date_input())
    legal_basis_source = forms.CharField(
        label="Known from", max_length=120, required=False, help_text="Such as contract, form or call."
    )
    left_on = forms.DateField(label="Left on", required=False, widget=date_input())

    def clean_name(self) -> str:
        """One line: a mail header takes no more, and every mail with this name would fail."""
        return " ".join(self.cleaned_data["name"].split())

    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"].strip()
        if zone and zone not in available_timezones():
            raise forms.ValidationError("There is no such time zone. Use a name such as Europe/Berlin.")
        return zone

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("legal_basis") and not values.get("legal_basis_on"):
            self.add_error("legal_basis_on", "Say since when, so that the basis can be shown.")
        return values

    def fields_given(self) -> dict[str, Any]:
        """What the services take."""
        return {name: self.cleaned_data[name] for name in FIELDS}


def initial_of(contact: Contact) -> dict[str, Any]:
    """What the form shows of a stored person."""
    return {name: getattr(contact, name) for name in ("version", *FIELDS)}


class EraseForm(forms.Form):
    """The address typed again, so that nobody is forgotten by a slip."""

    email = forms.EmailField(
        label="Type the address to go on",
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    reason = forms.CharField(label="Who asked, and when", max_length=300)

    def __init__(self, *args: Any, contact: Contact, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._contact = contact

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email.strip().lower() != self._contact.email.lower():
            raise forms.ValidationError(f"This is not the address of {self._contact}.")
        return email
