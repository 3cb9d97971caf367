"""A CSM's own judgement of a customer."""

from django import forms

from customers.choices import MOST_PULSE_REASONS, PULSE_WORDS, PulseReason


class PulseForm(forms.Form):
    """Level 1 to 5 with up to three reasons; a low one needs a note."""

    level = forms.TypedChoiceField(
        coerce=int,
        choices=[(level, f"{level} · {word}") for level, word in sorted(PULSE_WORDS.items(), reverse=True)],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose one of the five levels."},
    )
    reasons = forms.MultipleChoiceField(
        label="Reasons",
        help_text=f"Up to {MOST_PULSE_REASONS}.",
        choices=PulseReason.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    note = forms.CharField(
        label="Why",
        help_text="What happened, and what would help? Needed for the two lowest levels.",
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
