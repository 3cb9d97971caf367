"""A CSM's own judgement of a customer."""

from django import forms

from customers.choices import PULSE_WORDS


class PulseForm(forms.Form):
    """Level 1 to 5; a low one needs a note."""

    level = forms.TypedChoiceField(
        coerce=int,
        choices=[(level, f"{level} · {word}") for level, word in sorted(PULSE_WORDS.items(), reverse=True)],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose one of the five levels."},
    )
    note = forms.CharField(
        label="Why",
        help_text="What happened, and what would help? Needed for the two lowest levels.",
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
