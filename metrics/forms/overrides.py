"""A person's word against a computed score."""

from datetime import date, timedelta
from typing import Any

from django import forms

from metrics.choices import OverrideKind, OverrideReason
from metrics.formulas.health_override import LEAST_TEXT, MOST_DAYS


class OverrideForm(forms.Form):
    """What to show instead of the computed score, why, and until when."""

    kind = forms.ChoiceField(
        label="What it does",
        choices=[(OverrideKind.CAP, "At most this score"), (OverrideKind.VALUE, "Exactly this score")],
        initial=OverrideKind.CAP,
        widget=forms.RadioSelect,
    )
    value = forms.DecimalField(label="Score", max_digits=14, decimal_places=6)
    reason = forms.ChoiceField(label="Reason", choices=[("", "Choose a reason"), *OverrideReason.choices])
    text = forms.CharField(
        label="What do you know that the score does not?",
        help_text=f"At least {LEAST_TEXT} characters; everybody who sees the score can read it.",
        min_length=LEAST_TEXT,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    ends_on = forms.DateField(label="Until", widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        last = today + timedelta(days=MOST_DAYS)
        self.fields["ends_on"].widget.attrs |= {
            "min": (today + timedelta(days=1)).isoformat(),
            "max": last.isoformat(),
        }
        self.fields["ends_on"].help_text = f"It ends by itself at midnight; at most {MOST_DAYS} days ahead."
