"""Everything computed: rollups of revenue and usage, readings, scorecards, scores."""

from metrics.models.alert_rule import AlertRule, SettledBand
from metrics.models.changes import BridgeChange, CohortChange
from metrics.models.closed_month import ClosedMonth, FrozenValue, Restatement
from metrics.models.company_month import CohortMonth, CompanyMonth, DirtyMonth, RollupFill
from metrics.models.customer_month import CustomerMonth
from metrics.models.customer_start import CustomerStart
from metrics.models.daily_usage import DailyUsage, MonthlyUsage
from metrics.models.definition import DefinitionVersion, LinePrice
from metrics.models.evidence import Backtest, Calibration, Suggestion
from metrics.models.feed import FeedHold, FeedWatch
from metrics.models.health_score import HealthScore
from metrics.models.line_segment import LineSegment
from metrics.models.movement import CurrencyFactor, Movement
from metrics.models.override import Override
from metrics.models.own_measure import OwnMeasure
from metrics.models.peer_snapshot import PeerSnapshot
from metrics.models.reading import CurrentReading
from metrics.models.review import Disagreement, Miss
from metrics.models.scorecard import Scorecard, ScorecardVersion
from metrics.models.value_event import ValueEvent

__all__ = [
    "AlertRule",
    "Backtest",
    "BridgeChange",
    "Calibration",
    "ClosedMonth",
    "CohortChange",
    "CohortMonth",
    "CompanyMonth",
    "CurrencyFactor",
    "CurrentReading",
    "CustomerMonth",
    "CustomerStart",
    "DailyUsage",
    "DefinitionVersion",
    "DirtyMonth",
    "Disagreement",
    "FeedHold",
    "FeedWatch",
    "FrozenValue",
    "HealthScore",
    "LinePrice",
    "LineSegment",
    "Miss",
    "MonthlyUsage",
    "Movement",
    "Override",
    "OwnMeasure",
    "PeerSnapshot",
    "Restatement",
    "RollupFill",
    "Scorecard",
    "ScorecardVersion",
    "SettledBand",
    "Suggestion",
    "ValueEvent",
]
