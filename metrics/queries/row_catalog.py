"""Which rows stand behind which number: the one place that knows."""

from metrics.queries.metric_answers import lead_of
from metrics.queries.rows import Ask, Receipt
from metrics.queries.rows_lines import LINE_ROWS
from metrics.queries.rows_orders import ORDER_ROWS
from metrics.queries.rows_revenue import REVENUE_ROWS
from metrics.queries.rows_service import SERVICE_ROWS
from metrics.queries.rows_use import USE_ROWS
from metrics.queries.rows_voice import VOICE_ROWS
from metrics.queries.rows_worth import WORTH_ROWS

ROWS = {**REVENUE_ROWS, **LINE_ROWS, **WORTH_ROWS, **ORDER_ROWS, **VOICE_ROWS, **USE_ROWS, **SERVICE_ROWS}


def has_rows(key: str) -> bool:
    """Whether a number of the catalogue, or the part that leads it, has rows."""
    return lead_of(key) in ROWS


def receipt_of(ask: Ask) -> Receipt | None:
    """The rows of a number in the only period of the question; None where it is made of no facts the product keeps."""
    key = lead_of(ask.key)
    make = ROWS.get(key)
    return make(Ask(ask.question, key)) if make else None
