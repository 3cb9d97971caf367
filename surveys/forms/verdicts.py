"""Why a person decides about an answer."""

from django import forms

from surveys.services.verdicts import MAX_REASON


class VerdictForm(forms.Form):
    """The reason, which is kept with the answer."""

    reason = forms.CharField(
        label="Why", max_length=MAX_REASON, help_text="Kept with the answer and in the audit log."
    )
