"""What a loss teaches."""

from django import forms

from metrics.choices import MissLabel


class LabelForm(forms.Form):
    """One label with a note."""

    label = forms.ChoiceField(label="Looking back", choices=MissLabel.choices, widget=forms.RadioSelect)
    note = forms.CharField(
        label="What could be seen, and what was done?",
        max_length=2_000,
        help_text="At least 10 characters.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )
