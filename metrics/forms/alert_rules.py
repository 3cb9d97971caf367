"""An alert rule as an admin writes it, and the reasons for holds of feeds."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from metrics.choices import AlertKind
from metrics.formulas.health_rules import ALL_OF, segment_of
from metrics.models import AlertRule

KINDS = [(kind.value, kind.label) for kind in AlertKind if kind != AlertKind.CARD_PUBLISHED]
RECEIVERS = [("owner", "the primary CSM"), ("manager", "the manager of the CSM’s team")]
NAMES = ("title", "kind", "scope", "points", "days", "receivers", "by_mail", "is_on")


class AlertRuleForm(forms.Form):
    """When, for whom, and who hears of it."""

    title = forms.CharField(max_length=80)
    kind = forms.ChoiceField(label="When", choices=KINDS)
    points = forms.DecimalField(
        min_value=1, max_value=100, max_digits=6, decimal_places=2, help_text="Of the kind “score dropped”: by how many points."
    )  # fmt: skip
    days = forms.IntegerField(
        min_value=1,
        max_value=365,
        help_text="Below the highest of so many days; of “red before renewal”: days ahead.",
    )
    scope = forms.CharField(
        required=False,
        max_length=300,
        help_text="Empty: everybody. Else labels such as tier=gold & region=EU, all of which must hold.",
    )
    receivers = forms.MultipleChoiceField(
        label="Who hears of it", choices=RECEIVERS, widget=forms.CheckboxSelectMultiple
    )
    by_mail = forms.BooleanField(label="Send a mail too", required=False)
    is_on = forms.BooleanField(label="The rule is on", required=False)

    def __init__(self, *args: Any, rule: AlertRule, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {name: getattr(rule, name) for name in NAMES})
        super().__init__(*args, **kwargs)

    def clean_scope(self) -> str:
        """Labels of the form field=value."""
        labels = segment_of(self.cleaned_data["scope"])
        wrong = [label for label in labels if not all(part.strip() for part in label.partition("=")[::2])]
        if wrong:
            raise ValidationError(f"“{wrong[0]}” is no label. Write field=value, for example tier=gold.")
        return ALL_OF.join(labels)


class HoldForm(forms.Form):
    """Start or end a hold of a feed."""

    act = forms.ChoiceField(choices=[("start", "start"), ("end", "end")])
    reason = forms.CharField(max_length=300)
