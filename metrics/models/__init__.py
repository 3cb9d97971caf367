"""Everything computed: rollups of revenue and usage, readings, scorecards, scores."""

from metrics.models.company_month import CohortMonth, CompanyMonth, DirtyMonth, RollupFill
from metrics.models.customer_month import CustomerMonth, CustomerStart
from metrics.models.daily_usage import DailyUsage, MonthlyUsage
from metrics.models.health_score import HealthScore
from metrics.models.line_segment import LineSegment
from metrics.models.movement import CurrencyFactor, Movement
from metrics.models.reading import CurrentReading
from metrics.models.scorecard import Scorecard, ScorecardVersion
from metrics.models.value_event import ValueEvent

__all__ = [
    "CohortMonth",
    "CompanyMonth",
    "CurrencyFactor",
    "CurrentReading",
    "CustomerMonth",
    "CustomerStart",
    "DailyUsage",
    "DirtyMonth",
    "HealthScore",
    "LineSegment",
    "MonthlyUsage",
    "Movement",
    "RollupFill",
    "Scorecard",
    "ScorecardVersion",
    "ValueEvent",
]
