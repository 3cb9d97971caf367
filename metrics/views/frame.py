"""What every metric page shares: whose figures, which months, and the links that change them."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone

from accounts.queries.organisation import local_day
from customers.models.customer import CustomerQuerySet
from metrics.forms.dashboard import Span, SpanForm, standing_span
from metrics.formulas.periods import Period, add_months, months_between
from metrics.queries.figures import Figures
from metrics.queries.sight import Sight, sight_of
from metrics.views.tiles import Strip
from metrics.views.wording import month_word

GRAIN_WORDS = {"month": "month", "quarter": "quarter", "year": "year"}
KEPT = ("kind", "customer", "sort", "size")  # URL state of lists that a change of months keeps


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

    @property
    def whole(self) -> Period:
        """All days of the span."""
        return Period(self.span.first, add_months(self.span.last, 1))

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
        basis = f"Counted for {where}, in {self.currency} at month-end rates, as known now."
        before = figures[at - 1] if at else None
        return Strip(figures, figures[at], before, self.currency, self.span.query(), basis)

    def context(self) -> dict[str, Any]:
        """What parts/span.html and the heads of the pages print."""
        span, length = self.span, len(months_between(self.span.first, self.span.last))
        earlier = {"first": add_months(span.first, -length), "last": add_months(span.last, -length)}
        later = {"first": add_months(span.first, length), "last": add_months(span.last, length)}
        standing = standing_span(self.today, whose=span.whose)
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
            "standing_query": self.query(first=standing.first, last=standing.last),
        }


def frame_of(request: HttpRequest) -> Frame:
    """Read the URL of a metric page within what the user may see."""
    now = timezone.now()
    today = local_day(now, request.organisation)  # type: ignore[attr-defined] - third-party-type
    sight = sight_of(request.user)
    standing = standing_span(today, whose=sight.choices[0][0])
    form = SpanForm(request.GET, standing=standing, whose=list(sight.choices))
    span = _whole(form.span(), standing.last)
    return Frame(
        form=form,
        span=span,
        sight=sight,
        book=sight.book(span.whose),
        now=now,
        today=today,
        currency=request.organisation.currency,  # type: ignore[attr-defined] - third-party-type
        params=request.GET,
    )


def _whole(span: Span, running: date) -> Span:
    """The span widened to whole quarters or years, up to the running month, so that all parts speak of one span."""
    periods = span.periods
    return replace(span, first=periods[0].start, last=min(add_months(periods[-1].end, -1), running))


def _span_word(span: Span) -> str:
    if span.first == span.last:
        return month_word(span.first)
    return f"{month_word(span.first)} – {month_word(span.last)}"
