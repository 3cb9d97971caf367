"""What was found out about scorecards so far, newest first."""

from metrics.choices import CardKind, VersionState
from metrics.models import Backtest, Calibration, ScorecardVersion, Suggestion

SHOWN = 20  # results of each kind in the list
TESTABLE = (VersionState.DRAFT, VersionState.IN_REVIEW, VersionState.SCHEDULED, VersionState.LIVE)


def testable_versions() -> list[ScorecardVersion]:
    """Versions that can be tried on the past: those in force first, then what is on its way, and the last ones before."""
    rows = ScorecardVersion.objects.exclude(kind=CardKind.RULES).select_related("scorecard")
    ahead = sorted(rows.filter(state__in=TESTABLE), key=lambda one: (one.state != VersionState.LIVE, -one.pk))
    past = rows.filter(state=VersionState.SUPERSEDED).order_by("-live_from")[:SHOWN]
    return [*ahead, *past]


def backtests() -> list[Backtest]:
    """The latest backtests of stored versions."""
    rows = Backtest.objects.exclude(version=None).select_related("version__scorecard", "made_by")
    return list(rows.order_by("-pk")[:SHOWN])


def suggestions() -> list[Suggestion]:
    """The latest suggestions for stored versions."""
    rows = Suggestion.objects.exclude(version=None).select_related("version__scorecard", "made_by")
    return list(rows.order_by("-pk")[:SHOWN])


def calibrations() -> list[Calibration]:
    """The latest calibrations."""
    rows = Calibration.objects.exclude(version=None).select_related("version__scorecard", "made_by")
    return list(rows.order_by("-pk")[:SHOWN])


def backtest_by_id(pk: int) -> Backtest | None:
    """One backtest."""
    return Backtest.objects.select_related("version__scorecard", "made_by").filter(pk=pk).first()


def suggestion_by_id(pk: int) -> Suggestion | None:
    """One suggestion."""
    return Suggestion.objects.select_related("version__scorecard", "made_by").filter(pk=pk).first()


def calibration_by_id(pk: int) -> Calibration | None:
    """One calibration."""
    return Calibration.objects.select_related("version__scorecard", "made_by").filter(pk=pk).first()
