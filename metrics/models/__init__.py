"""Everything computed: rollups of revenue and usage, readings, scorecards, scores."""

from metrics.models.changes import BridgeChange, CohortChange
from metrics.models.closed_month import ClosedMonth, FrozenValue, Restatement
from metrics.models.company_month import CohortMonth, CompanyMonth, DirtyMonth, RollupFill
from metrics.models.customer_month import CustomerMonth
from metrics.models.customer_start import CustomerStart
from metrics.models.daily_usage import DailyUsage, MonthlyUsage
from metrics.models.definition import DefinitionVersion, LinePrice
from metrics.models.health_score import HealthScore
from metrics.models.line_segment import LineSegment
from metrics.models.movement import CurrencyFactor, Movement
from metrics.models.reading import CurrentReading
from metrics.models.scorecard import Scorecard, ScorecardVersion
from metrics.models.value_event import ValueEvent

__all__ = [
    "BridgeChange",
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
    "FrozenValue",
    "HealthScore",
    "LinePrice",
    "LineSegment",
    "MonthlyUsage",
    "Movement",
    "Restatement",
    "RollupFill",
    "Scorecard",
    "ScorecardVersion",
    "ValueEvent",
]
