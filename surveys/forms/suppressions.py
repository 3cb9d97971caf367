"""Addresses that must not be asked."""

from django import forms

from surveys.choices import ALL_SURVEYS, SurveyKind


class LiftForm(forms.Form):
    """Why an address may be asked again."""

    reason = forms.CharField(max_length=300)


class SuppressForm(forms.Form):
    """An address that must not be asked, and by what."""

    email = forms.CharField(label="Address", max_length=254)
    scope = forms.ChoiceField(
        label="Covers", required=False, choices=[(ALL_SURVEYS, "all surveys"), *SurveyKind.choices]
    )
