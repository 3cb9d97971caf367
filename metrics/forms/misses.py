"""What a loss teaches."""

from django import forms

from metrics.choices import MissLabel


class LabelForm(forms.Form):
    """One label with a note."""

    label = forms.ChoiceField(
        label="Looking back",
        choices=[(label.value, label.label.capitalize()) for label in MissLabel],
        widget=forms.RadioSelect,
    )
    note = forms.CharField(
        label="What could be seen, and what was done?",
        max_length=2_000,
        help_text="At least 10 characters.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )
