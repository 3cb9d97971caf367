"""The answers and invitations behind survey scores."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce

from metrics.formulas import satisfaction
from metrics.formulas.result import Result, known, times, unknown
from metrics.formulas.satisfaction import CES_CUT, CSAT_CUT, NpsCounts
from metrics.queries import answers
from metrics.queries.answers import CES, CSAT
from metrics.queries.invitations import ARRIVED, LOOKED
from metrics.queries.rows import COUNT, FLAG, MOMENT, TEXT, Ask, QuerySource, Receipt, RowColumn, Sums
from surveys.choices import Direction, ResponseStatus
from surveys.models import Invitation, Message

NOBODY = unknown("no_data")
HUNDRED = Decimal(100)
ONE_EACH = "Earlier answers of the same contact, and answers set aside as suspect, are in neither part."
OTHER_SCALES = "Answers on other scales are never pooled with these."


def flag(condition: Q) -> Case:
    """1 where the condition holds, else 0."""
    return Case(When(condition, then=Value(1)), default=Value(0), output_field=IntegerField())


def _nps_source(ask: Ask, day: date, title: str) -> QuerySource:
    question = ask.question
    rows = answers.latest_answers(
        answers.relationship_answers(
            day, question.zone, question.customers, question.definition, question.known_at
        )
    )
    columns = (
        RowColumn("answered_at", "Answered", MOMENT),
        RowColumn("said", "Score", "number"),
        RowColumn("promoter", "Promoter", FLAG),
        RowColumn("detractor", "Detractor", FLAG),
        RowColumn("phase", "Phase", TEXT),
    )
    marked = rows.annotate(
        promoter=flag(Q(said__gte=satisfaction.PROMOTER)), detractor=flag(Q(said__lt=satisfaction.PASSIVE))
    )
    return QuerySource(title, "answers", marked, columns, "-answered_at")


def _counts(sums: Sums) -> NpsCounts:
    up, down = int(sums["promoter"]), int(sums["detractor"])
    return NpsCounts(up, sums.rows - up - down, down)


def nps(ask: Ask) -> Receipt:
    """The latest answer of each contact in the window."""
    question, day = ask.question, ask.question.close_on(ask.period)
    population = answers.could_answer(day, question.customers) if question.definition.fpc else None

    def made(sums: Sequence[Sums]) -> Result:
        counts = _counts(sums[0])
        if ask.key == "nps":
            return satisfaction.nps(counts)
        if ask.key == "nps_n":
            return known(counts.n)
        limits = satisfaction.nps_interval(counts, population=population)
        if limits is None:
            return NOBODY
        return known(limits.low if ask.key == "nps_low" else limits.high)

    days = question.definition.nps_window_days
    source = _nps_source(ask, day, f"Latest answers of {days} days")
    return Receipt([source], made, top="promoters − detractors", bottom="answers", left_out=ONE_EACH)


def nps_change(ask: Ask) -> Receipt:
    """The answers of both windows."""
    day, definition = ask.question.close_on(ask.period), ask.question.definition
    before = day - timedelta(days=definition.nps_window_days)

    def made(sums: Sequence[Sums]) -> Result:
        change = satisfaction.nps_change(_counts(sums[0]), _counts(sums[1]))
        if change is None:
            return NOBODY
        if ask.key == "nps_change_p":
            return known(change.p)
        called = int(change.p < definition.nps_alpha)
        return known(called) if ask.key == "nps_changed" else known(change.difference)

    sources = [
        _nps_source(ask, day, f"Window to {day:%-d %b %Y}"),
        _nps_source(ask, before, f"Window to {before:%-d %b %Y}"),
    ]
    return Receipt(sources, made, top="adjusted score now − then", left_out=ONE_EACH)


def share_of_answers(ask: Ask) -> Receipt:
    """CSAT or CES of the period on the scale asked most."""
    question, definition = ask.question, ask.question.definition
    is_csat = ask.key.startswith("csat")
    scales, cuts = (CSAT, CSAT_CUT) if is_csat else (CES, CES_CUT)
    (tallies,) = answers.tallies_in(
        question.closed,
        scales,
        zone=question.zone,
        customers=question.customers,
        definition=definition,
        known_at=question.known_at,
    )
    found = answers.csat_of(tallies, definition) if is_csat else answers.ces_of(tallies, definition)
    chosen = (
        (definition.csat_scale, definition.csat_cut)
        if is_csat
        else (definition.ces_scale, definition.ces_cut)
    )
    cut = chosen[1] if found.scale == chosen[0] else cuts.get(found.scale, 0)
    columns = (
        RowColumn("at", "Sent" if definition.score_cohort == "sent" else "Answered", MOMENT),
        RowColumn("said", "Answer", COUNT),
        RowColumn("hit", f"{cut} or more" if cut else "Counted", FLAG),
        RowColumn("phase", "Phase", TEXT),
    )
    rows = _of_period(ask, scales).filter(scale_max=found.scale).annotate(hit=flag(Q(said__gte=cut)))
    source = QuerySource(f"Answers from 1 to {found.scale}", "answers", rows, columns, "-at")
    name = "csat" if is_csat else "ces"
    return Receipt(
        [source],
        lambda sums: _share(
            ask.key.removeprefix(name), sums[0], definition.ces_method if not is_csat else "agree", found
        ),
        top="satisfied" if is_csat else "agreeing",
        bottom="answers",
        left_out=OTHER_SCALES,
    )


def _share(part: str, sums: Sums, method: str, found: answers.Answers) -> Result:
    """The score or one of the numbers given with it, from the sums of the answers."""
    hits, n = int(sums["hit"]), sums.rows
    if part == "_n":
        return known(n)
    if part == "_mean" or (not part and method == "mean"):
        return (
            satisfaction.mean_score({})
            if not n
            else times(satisfaction.proportion(hits=int(sums["said"]), n=n), 1)
        )
    if part == "_index" or (not part and method == "index"):
        return satisfaction.score_index(found.counts, scale=found.scale) if found.counts else NOBODY
    if not part:
        return satisfaction.share(hits=hits, n=n)
    limits = satisfaction.wilson(hits=hits, n=n) if method == "agree" else None
    if limits is None:
        return NOBODY
    return known((limits.low if part == "_low" else limits.high) * HUNDRED)


def _of_period(ask: Ask, scales: Mapping[Any, int]) -> Any:
    question = ask.question
    order = (
        ("sent_at", "answered_at")
        if question.definition.score_cohort == "sent"
        else ("answered_at", "sent_at")
    )
    start, end = question.instants(ask.closed)
    rows = answers.known_answers(question.known_at).annotate(at=Coalesce(*order))
    rows = rows.filter(answers.on_scale(scales), at__gte=start, at__lt=end, direction=Direction.HIGH_IS_GOOD)
    return answers.within(rows, question.customers)


def answer_rate(ask: Ask) -> Receipt:
    """Invitations whose mail arrived in the period, and which were answered."""
    question = ask.question
    start, end = question.instants(ask.closed)
    arrived = Message.objects.filter(
        invitation=OuterRef("pk"),
        kind="first",
        accepted_at__gte=start,
        accepted_at__lt=end,
        delivery_state__in=ARRIVED,
    )
    answered = Q(response__status=ResponseStatus.COUNTED)
    rows = answers.within(Invitation.objects.filter(Exists(arrived), is_test=False), question.customers)
    marked = rows.annotate(
        answered=flag(answered),
        opened=flag(answered | Q(response_state__in=LOOKED)),
        said_at=F("response__answered_at"),
    )
    columns = (
        RowColumn("created_at", "Invited", MOMENT),
        RowColumn("answered", "Answered", FLAG),
        RowColumn("opened", "Page opened", FLAG),
        RowColumn("said_at", "On", MOMENT),
    )
    by_visit = question.definition.answer_rate_base == "visited"

    def made(sums: Sequence[Sums]) -> Result:
        base = int(sums[0]["opened"]) if by_visit else sums[0].rows
        return satisfaction.survey_response_rate(completed=int(sums[0]["answered"]), delivered=base)

    source = QuerySource("Invitations that arrived", "invitations", marked, columns, "-created_at")
    return Receipt(
        [source],
        made,
        top="answered",
        bottom="page opened" if by_visit else "delivered",
        left_out="Mails that bounced or were not accepted, and test mails, are in neither part.",
    )


_CSAT = ("csat", "csat_n", "csat_low", "csat_high", "csat_mean", "csat_index")
_CES = ("ces", "ces_n", "ces_low", "ces_high", "ces_mean")
VOICE_ROWS: Mapping[str, Callable[[Ask], Receipt]] = {
    **dict.fromkeys(("nps", "nps_n", "nps_low", "nps_high"), nps),
    **dict.fromkeys(("nps_change", "nps_change_p", "nps_changed"), nps_change),
    **dict.fromkeys((*_CSAT, *_CES), share_of_answers),
    "survey_response_rate": answer_rate,
}
