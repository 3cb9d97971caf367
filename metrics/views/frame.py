"""What every metric page shares: whose figures, which months, and the links that change them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone

from accounts.queries.organisation import local_day
from customers.models.customer import CustomerQuerySet
from metrics.forms.dashboard import REPORTED, SHOWN, DayField, Span, SpanForm, standing_span
from metrics.formulas.definition import Definition
from metrics.formulas.periods import Period, add_months, months_between
from metrics.formulas.result import Result
from metrics.queries import definitions
from metrics.queries.closed_months import reported_months
from metrics.queries.figures import Figures
from metrics.queries.metric_values import RATES, values_of
from metrics.queries.questions import Question, day_after, start_of
from metrics.queries.sight import COMPANY, Sight, sight_of
from metrics.queries.spans import PARTS, spans_for
from metrics.queries.spans import Span as LedgerSpan
from metrics.services.reports import reported
from metrics.views.tiles import Strip
from metrics.views.wording import month_word

GRAIN_WORDS = {"month": "month", "quarter": "quarter", "year": "year"}
KEPT = (
    "kind",
    "customer",
    "why",
    "said",
    "given",
    "sort",
    "size",
)  # URL state of lists that a change of months keeps


@dataclass(frozen=True)
class Frame:
    """The asked span with the right to see it. `book` is what totals are made of; None is the company."""

    form: SpanForm
    span: Span
    sight: Sight
    book: CustomerQuerySet | None
    now: datetime
    today: date
    currency: str
    params: QueryDict
    definition: Definition
    version: int

    @property
    def as_of(self) -> date:
        """The last day that counts."""
        return self.span.as_of or self.today

    @property
    def complete_to(self) -> date:
        """The last day that is over; a chosen day counts as over."""
        return self.span.as_of or self.today - timedelta(days=1)

    @property
    def known_at(self) -> datetime | None:
        """The moment whose knowledge counts; None is now."""
        if self.span.known is None:
            return None
        return start_of(day_after(self.span.known), Question((), self.today, self.definition).zone)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Inside, revenue is what was known at the chosen moment."""
        with reported(self.definition, as_of=self.today, now=self.now, known_at=self.known_at):
            yield

    @property
    def periods(self) -> list[Period]:
        """The periods of the span that have begun."""
        return [period for period in self.span.periods if period.start <= self.as_of]

    def question(self, periods: Sequence[Period]) -> Question:
        """What is asked of the metric queries for some periods."""
        return Question(periods, self.as_of, self.definition, self.ids, known_at=self.known_at)

    @property
    def latest(self) -> list[Period]:
        """The last period that is over, else the running one, with the one before: what tiles speak of."""
        begun = self.periods
        over = [place for place, period in enumerate(begun) if period.last_day <= self.complete_to]
        at = over[-1] if over else len(begun) - 1
        return begun[max(0, at - 1) : at + 1]

    def figures(self, periods: Sequence[Period] | None = None) -> list[Figures]:
        """The bridge and the rates of each period under the definition in force; closed months as reported if asked."""
        periods = self.periods if periods is None else periods
        spans = spans_for(periods, as_of=self.as_of, customers=self.ids, definition=self.definition)
        values = values_of(self.question(periods), keys=RATES, spans=spans)
        found = [
            Figures(
                **{item.name: getattr(span, item.name) for item in fields(LedgerSpan)},
                incomplete=span.period.last_day > self.complete_to,
                results=results,
            )
            for span, results in zip(spans, values, strict=True)
        ]
        return [*map(_as_reported, found, self._frozen(periods))] if self.shows_reported else found

    @property
    def can_report(self) -> bool:
        """Whether closed months are what this page shows: months of the whole company, as known now."""
        return (
            self.span.grain == "month"
            and self.span.whose == COMPANY
            and not (self.span.as_of or self.span.known)
        )

    @property
    def shows_reported(self) -> bool:
        """Whether closed months stand as they were reported."""
        return self.can_report and self.span.shown == REPORTED

    def _frozen(self, periods: Sequence[Period]) -> list[dict[str, Any]]:
        stored = reported_months([period.start for period in periods])
        return [stored.get(period.start, {}) for period in periods]

    @property
    def whole(self) -> Period:
        """All days of the span that count."""
        return Period(self.span.first, min(add_months(self.span.last, 1), day_after(self.as_of)))

    @property
    def ids(self) -> QuerySet[Any] | None:
        """The book as a subquery of ids, or None for the company."""
        return None if self.book is None else self.book.values("pk")

    @property
    def whose_words(self) -> str:
        """My book, my team or company."""
        return dict(self.sight.choices)[self.span.whose]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """Filters of a list that stay when months or whose customers change."""
        return [(key, self.params[key]) for key in KEPT if self.params.get(key)]

    def query(self, **changes: Any) -> str:
        """URL state with these changes of the span, and the list's filters."""
        rest = QueryDict(mutable=True)
        for key, value in self.kept:
            rest[key] = value
        return "&".join(part for part in (self.span.query(**changes), rest.urlencode()) if part)

    def strip(self, figures: list[Figures]) -> Strip:
        """The periods with the one the tiles speak of: the last that is over, else the running one."""
        over = [index for index, f in enumerate(figures) if not f.incomplete]
        at = over[-1] if over else len(figures) - 1
        where = "the whole company" if self.book is None else "customers in your scope today"
        known = f"on {self.span.known:%-d %b %Y}" if self.span.known else "now"
        basis = f"Counted for {where}, in {self.currency} at month-end rates, as known {known}."
        before = figures[at - 1] if at else None
        return Strip(figures, figures[at], before, self.currency, self.span.query(), basis)

    def context(self) -> dict[str, Any]:
        """What parts/span.html and the heads of the pages print."""
        span, length = self.span, len(months_between(self.span.first, self.span.last))
        earlier = {"first": add_months(span.first, -length), "last": add_months(span.last, -length)}
        later = {"first": add_months(span.first, length), "last": add_months(span.last, length)}
        standing = standing_span(self.as_of, whose=span.whose)
        return {
            "now": self.now,
            "today": self.today,
            "span": span,
            "span_form": self.form,
            "span_word": _span_word(span),
            "grain_word": GRAIN_WORDS[span.grain],
            "whose_words": self.whose_words,
            "whose": [
                {"words": words, "query": self.query(whose=key), "current": key == span.whose}
                for key, words in self.sight.choices
            ],
            "kept": self.kept,
            "state": span.query(),
            "previous_query": self.query(**earlier),
            "next_query": self.query(**later),
            "now_query": self.query(as_of=None, known=None),
            "shown": [
                {"words": words, "query": self.query(shown=key), "current": key == span.shown}
                for key, words in (SHOWN if self.can_report else ())
            ],
            "standing_query": self.query(first=standing.first, last=standing.last),
        }


def frame_of(request: HttpRequest) -> Frame:
    """Read the URL of a metric page within what the user may see."""
    now = timezone.now()
    today = local_day(now, request.organisation)  # type: ignore[attr-defined] - third-party-type
    sight = sight_of(request.user)
    until = _past_day(request.GET.get("as_of", ""), today)
    standing = standing_span(until, whose=sight.choices[0][0])
    form = SpanForm(request.GET, standing=standing, whose=list(sight.choices), today=today)
    definition = definitions.current()
    asked = replace(form.span(), fiscal_start=definition.fiscal_year_start_month)
    span = _whole(asked, standing.last)
    return Frame(
        form=form,
        span=span,
        sight=sight,
        book=sight.book(span.whose),
        now=now,
        today=today,
        currency=request.organisation.currency,  # type: ignore[attr-defined] - third-party-type
        params=request.GET,
        definition=definition,
        version=definitions.current_number(),
    )


def _whole(span: Span, running: date) -> Span:
    """The span widened to whole quarters or years, up to the running month, so that all parts speak of one span."""
    periods = span.periods
    return replace(span, first=periods[0].start, last=min(add_months(periods[-1].end, -1), running))


def _past_day(text: str, today: date) -> date:
    """The day of the URL where it is one that has come, else today."""
    day = DayField(required=False)
    try:
        found = day.clean(text)
    except ValidationError:
        return today
    return min(found or today, today)


def _as_reported(figures: Figures, frozen: dict[str, Any]) -> Figures:
    """The same month with the numbers it was closed with; an open month stays as it is."""
    if not frozen:
        return figures
    parts = {name: frozen[name].as_reported for name in PARTS if name in frozen}
    counts = {name: int(parts[name]) for name in parts if isinstance(getattr(figures, name), int)}
    results = {key: Result(row.as_reported, row.reason) for key, row in frozen.items()}
    return replace(figures, **(parts | counts), results={**figures.results, **results})


def _span_word(span: Span) -> str:
    if span.first == span.last:
        return month_word(span.first)
    return f"{month_word(span.first)} – {month_word(span.last)}"
