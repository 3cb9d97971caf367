"""Forms of the page Evidence."""

from collections.abc import Iterable
from typing import Any

from django import forms

from metrics.models import ScorecardVersion
from metrics.queries.outcomes import PAYING, RENEWING
from metrics.services.backtests import HORIZONS
from metrics.services.evidence_jobs import BACKTEST, CALIBRATE, SUGGEST

CURVES = "curves"


class EvidenceForm(forms.Form):
    """What is to be found out about which version."""

    version = forms.ChoiceField(label="Scorecard version")
    what = forms.ChoiceField(
        label="Find out",
        choices=[
            (BACKTEST, "Backtest: how well it foretold who left"),
            (SUGGEST, "Weights that outcomes speak for"),
            (CURVES, "Curves and weights that outcomes speak for"),
            (CALIBRATE, "Renewal probability per band"),
        ],
    )
    other = forms.ChoiceField(
        label="Compare with", required=False, help_text="Another version on the same rows; backtests only."
    )
    horizon = forms.TypedChoiceField(
        label="Days ahead", coerce=int, choices=[(days, f"{days} days") for days in HORIZONS]
    )
    population = forms.ChoiceField(
        label="Of whom",
        choices=[
            (RENEWING, "Every renewal due, once"),
            (PAYING, "All paying customers, for contracts by the month"),
        ],
    )

    def __init__(self, *args: Any, versions: Iterable[ScorecardVersion], **more: Any) -> None:
        super().__init__(*args, **more)
        self.versions = {str(one.pk): one for one in versions}
        choices = [(pk, f"{one.scorecard.title} {one.label}") for pk, one in self.versions.items()]
        self.fields["version"].choices = choices
        self.fields["other"].choices = [("", "nothing"), *choices]
