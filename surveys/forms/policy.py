"""The rules of asking and the sender."""

from typing import Any

from django import forms

from surveys.formulas.windows import MIDNIGHT
from surveys.models import SenderIdentity, SurveyPolicy

DAYS = [
    (0, "Monday"),
    (1, "Tuesday"),
    (2, "Wednesday"),
    (3, "Thursday"),
    (4, "Friday"),
    (5, "Saturday"),
    (6, "Sunday"),
]


class PolicyForm(forms.ModelForm):
    """How often people may be asked and when."""

    send_days = forms.TypedMultipleChoiceField(
        label="Days", choices=DAYS, coerce=int, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = SurveyPolicy
        fields = [
            "any_gap_days",
            "relationship_gap_days",
            "customer_cap",
            "send_days",
            "send_from",
            "send_until",
            "link_days",
            "edit_days",
            "cap_per_hour",
            "typed_count_over",
        ]
        labels = {
            "any_gap_days": "Days between two invitations to a person",
            "relationship_gap_days": "Days between two relationship NPS to a person",
            "customer_cap": "Persons per customer in 30 days",
            "send_from": "From",
            "send_until": "Until",
            "link_days": "Days a link stays open",
            "edit_days": "Days an answer may be changed",
            "cap_per_hour": "Mails per hour at most",
            "typed_count_over": "Ask to type the number of people above",
        }
        help_texts = {
            "any_gap_days": "Never less than 24 hours.",
            "customer_cap": "0 switches this limit off.",
            "send_from": "In the contact’s time zone.",
            "send_until": "00:00 is the end of the day.",
            "cap_per_hour": "0 switches this limit off.",
            "typed_count_over": "A launch to more people than this asks for their number first.",
        }
        widgets = {
            "send_from": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "send_until": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        opens, closes = cleaned.get("send_from"), cleaned.get("send_until")
        if opens and closes and closes != MIDNIGHT and closes <= opens:
            self.add_error("send_until", "Choose an end after the start, or 00:00 for the end of the day.")
        return cleaned


class SenderForm(forms.ModelForm):
    """Who the mails come from."""

    privacy_url = forms.URLField(
        label="Your privacy page", required=False, max_length=200, assume_scheme="https"
    )

    class Meta:
        model = SenderIdentity
        fields = ["name", "email", "reply_to", "legal_name", "postal_address", "privacy_url"]
        labels = {
            "name": "Name in the From line",
            "email": "Address in the From line",
            "reply_to": "Replies go to",
            "legal_name": "Legal name in the footer",
            "postal_address": "Postal address in the footer",
        }
        help_texts = {
            "email": "Your mail relay must sign for its domain (SPF, DKIM, DMARC).",
            "reply_to": "A box that somebody reads.",
        }

    def clean_reply_to(self) -> str:
        address: str = self.cleaned_data["reply_to"]
        if any(word in address.lower() for word in ("noreply", "no-reply", "donotreply", "do-not-reply")):
            raise forms.ValidationError("Choose a box that somebody reads, people answer these mails.")
        return address
