"""The lines behind committed MRR."""

from collections.abc import Callable, Mapping

from metrics.formulas.result import known
from metrics.queries.committed import committed_at
from metrics.queries.questions import day_after
from metrics.queries.rows import FLAG, Ask, ListSource, Receipt, RowColumn


def committed(ask: Ask) -> Receipt:
    """Every line that runs or is signed, as known at the close."""
    question, day = ask.question, ask.question.close_on(ask.period)
    then = question.start_of(day_after(day)) if day < question.as_of else question.known_at
    found = committed_at(day, known_at=then, customers=question.customers)
    rows = [
        (line.customer_id, (line.committed, line.mrr, line.later, int(line.ends))) for line in found.lines
    ]
    columns = (
        RowColumn("committed", "Committed"),
        RowColumn("mrr", "MRR of the day"),
        RowColumn("later", "MRR last known"),
        RowColumn("ends", "Its end is known", FLAG),
    )
    source = ListSource("Lines that run or are signed", "lines", rows, columns, "-committed")
    return Receipt([source], lambda sums: known(sums[0]["committed"]), top="committed MRR of the lines")


LINE_ROWS: Mapping[str, Callable[[Ask], Receipt]] = {"committed_mrr": committed}
