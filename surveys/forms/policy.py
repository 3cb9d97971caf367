"""The rules of asking and the sender."""

from datetime import date
from decimal import Decimal
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
SHORTEST_SCANNER, LONGEST_SCANNER = 4, 80  # characters; shorter parts are in every browser string


class PolicyForm(forms.ModelForm):
    """How often people may be asked and when."""

    send_days = forms.TypedMultipleChoiceField(
        label="Days of sending", choices=DAYS, coerce=int, widget=forms.CheckboxSelectMultiple
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
            "max_delay_days",
            "reminder_count",
            "reminder_after_days",
            "link_days",
            "edit_days",
            "canary_size",
            "canary_hold_minutes",
            "cap_per_hour",
            "cap_per_domain_hour",
            "typed_count_over",
        ]
        labels = {
            "any_gap_days": "Days between two invitations to a person",
            "relationship_gap_days": "Days between two relationship NPS to a person",
            "customer_cap": "Persons per customer in 30 days",
            "send_from": "Send from",
            "send_until": "Send until",
            "max_delay_days": "Days a question about one event may be late",
            "reminder_count": "Reminders of a new campaign",
            "reminder_after_days": "Days before a reminder",
            "link_days": "Days a link stays open",
            "edit_days": "Days an answer may be changed",
            "canary_size": "First mails of a large wave",
            "canary_hold_minutes": "Minutes of hold after them",
            "cap_per_hour": "Mails per hour at most",
            "cap_per_domain_hour": "Mails per hour to one receiving domain",
            "typed_count_over": "Ask to type the number of people above",
        }
        help_texts = {
            "any_gap_days": "Never less than 24 hours.",
            "customer_cap": "0 switches this limit off.",
            "send_from": "In the contact’s time zone.",
            "send_until": "00:00 is the end of the day.",
            "canary_size": "A wave of more than 100 sends these first; three bounces among them stop it. 0: all at once.",
            "cap_per_hour": "0 switches this limit off.",
            "cap_per_domain_hour": "0 switches this limit off.",
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


class CaseRulesForm(forms.ModelForm):
    """How fast an unhappy answer must be looked after, in working time."""

    work_days = forms.TypedMultipleChoiceField(
        label="Working days", choices=DAYS, coerce=int, widget=forms.CheckboxSelectMultiple
    )
    holidays = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One day per line, such as 2026-12-25. The clock of a case stands still on them.",
    )

    class Meta:
        model = SurveyPolicy
        fields = [
            "case_first_contact_hours",
            "case_close_days",
            "work_days",
            "work_from",
            "work_until",
            "holidays",
        ]
        labels = {
            "case_first_contact_hours": "Working hours until the first contact",
            "case_close_days": "Working days until a case is closed",
            "work_from": "Work begins",
            "work_until": "Work ends",
        }
        help_texts = {"work_from": "On the clock of the person who has the case."}
        widgets = {
            "work_from": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "work_until": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        days = self.instance.holidays or []
        self.initial["holidays"] = "\n".join(f"{day:%Y-%m-%d}" for day in days)

    def clean_holidays(self) -> list[date]:
        days = set()
        for line in self.cleaned_data["holidays"].split():
            try:
                days.add(date.fromisoformat(line))
            except ValueError as error:
                wrong = f"“{line[:40]}” is no day. Write it as 2026-12-25."
                raise forms.ValidationError(wrong) from error
        return sorted(days)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        opens, closes = cleaned.get("work_from"), cleaned.get("work_until")
        if opens and closes and closes <= opens:
            self.add_error("work_until", "Choose an end after the start.")
        for name in ("case_first_contact_hours", "case_close_days"):
            if cleaned.get(name) == 0:
                self.add_error(name, "At least 1.")
        return cleaned


class JudgingForm(forms.ModelForm):
    """When an answer looks like a machine's, and how many answers a score needs."""

    scanners = forms.CharField(
        label="Known mail scanners",
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Parts of their browser strings, one per line (E6).",
    )

    class Meta:
        model = SurveyPolicy
        fields = [
            "many_scores",
            "many_scores_s",
            "form_ms",
            "accept_s",
            "quick_look_s",
            "many_links",
            "many_links_minutes",
            "scanners",
            "visit_days",
            "min_show_n",
            "normal_n",
            "alpha",
            "anonymous_min_group",
        ]
        labels = {
            "many_scores": "Points of one link looked at (E2)",
            "many_scores_s": "… within seconds",
            "form_ms": "Sent quicker than this many milliseconds after the form (E3)",
            "accept_s": "Sent within seconds of the mail’s acceptance (E4)",
            "quick_look_s": "First look within seconds of the mail’s acceptance (W1)",
            "many_links": "Links of one receiving domain by one client (W3)",
            "many_links_minutes": "… within minutes",
            "visit_days": "Days a look at a link is kept",
            "min_show_n": "Answers below which no score is shown",
            "normal_n": "Answers below which a score is grey",
            "alpha": "Error allowed when a change is called one",
            "anonymous_min_group": "Least group shown of an anonymous survey",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["scanners"] = "\n".join(self.instance.scanners or [])

    def clean_scanners(self) -> list[str]:
        lines = [line.strip() for line in self.cleaned_data["scanners"].splitlines()]
        wrong = next(
            (line for line in lines if line and not SHORTEST_SCANNER <= len(line) <= LONGEST_SCANNER), None
        )
        if wrong is not None:
            raise forms.ValidationError(
                f"“{wrong[:40]}”: use 4 to 80 characters, or every browser would match."
            )
        return list(dict.fromkeys(line for line in lines if line))

    def clean_alpha(self) -> Decimal:
        alpha: Decimal = self.cleaned_data["alpha"]
        if not Decimal("0.001") <= alpha <= Decimal("0.2"):
            raise forms.ValidationError("Choose a share between 0.001 and 0.2.")
        return alpha


class SenderForm(forms.ModelForm):
    """Who the mails come from."""

    privacy_url = forms.URLField(
        label="Your privacy page", required=False, max_length=200, assume_scheme="https"
    )

    review_url = forms.URLField(
        label="Public review page",
        required=False,
        max_length=200,
        assume_scheme="https",
        help_text="Shown to everybody after an answer, whatever the score. Empty: not at all.",
    )

    class Meta:
        model = SenderIdentity
        fields = ["name", "email", "reply_to", "legal_name", "postal_address", "privacy_url", "review_url"]
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

    def clean_name(self) -> str:
        """One line: a mail header takes no more, and every mail with this name would fail."""
        return " ".join(self.cleaned_data["name"].split())

    def clean_reply_to(self) -> str:
        address: str = self.cleaned_data["reply_to"]
        if any(word in address.lower() for word in ("noreply", "no-reply", "donotreply", "do-not-reply")):
            raise forms.ValidationError("Choose a box that somebody reads, people answer these mails.")
        return address
