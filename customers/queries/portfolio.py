"""The portfolio: one row per customer of a book, its filters and orders, and totals that are the sum of the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import (
    Avg,
    BooleanField,
    Case,
    CharField,
    Count,
    Exists,
    F,
    IntegerField,
    Min,
    OuterRef,
    Q,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Lower

from accounts.choices import Role
from accounts.models import User
from accounts.permissions import may_see_identities
from customers.choices import Phase
from customers.models import SavedView, StaleMark
from customers.models.customer import CustomerQuerySet
from customers.queries.access import scope_and_book_for
from customers.queries.portfolio_sorts import ordering
from customers.queries.words import folded_words, with_words

RENEWING_DAYS = 90
UNTOUCHED_DAYS = 30
ATTENTION_RENEWAL_DAYS = 60
ATTENTION_FALL = Decimal(-10)  # points in 30 days; less is noise for most customers
UPDATE_EXPECTED_S = 60  # a stale row is recomputed within a minute when the worker runs

# Colours of bands as scorecards name them, by the tone the pages show.
TONES: Mapping[str, tuple[str, ...]] = {
    "risk": ("red", "risk"),
    "watch": ("amber", "yellow", "watch"),
    "good": ("green", "blue", "good"),
    "none": (),
}
TONE = Case(
    *[When(summary__tone__in=colours, then=Value(tone)) for tone, colours in TONES.items() if colours],
    default=Value("none"),
    output_field=CharField(),
)
RISK_FIRST = Case(
    *[When(tone=tone, then=Value(rank)) for rank, tone in enumerate(TONES)],
    default=Value(len(TONES)),
    output_field=IntegerField(),
)
# Who pays nothing now cannot be saved today; work starts with the others.
NOT_PAYING_LAST = Case(When(summary__mrr__gt=0, then=Value(0)), default=Value(1), output_field=IntegerField())
# What a chip besides the bands asks for.
FLAGS: Mapping[str, Q] = {
    "overridden": Q(summary__override_until__isnull=False),
    "held": Q(summary__held=True),
    "settled": ~Q(summary__settled_band="") & ~Q(summary__settled_band=F("summary__band")),
}
VIEWS = ("book", "attention", "renewing", "untouched", "onboarding", "everyone")


@dataclass(frozen=True)
class Filters:
    """What the URL asks for, cleaned. Empty means not filtered."""

    view: str = "book"
    text: str = ""
    tones: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    owner_ids: tuple[int, ...] = ()
    mrr_from: Decimal | None = None
    mrr_to: Decimal | None = None
    renewal: str = ""
    sort: tuple[str, ...] = ()

    @property
    def narrowed(self) -> bool:
        """Whether anything besides the view is filtered."""
        return replace(self, view="", sort=()) != Filters(view="")


@dataclass(frozen=True)
class Group:
    """Customers of one band, currency and set of flags within a result."""

    tone: str
    band: str
    currency: str
    flags: frozenset[str]
    customers: int
    mrr: Decimal
    mrr_change: Decimal
    renewing: int
    follow_ups_due: int
    coverage: Decimal


@dataclass(frozen=True)
class Freshness:
    """Customers of a list that wait for a recompute, and since when."""

    customers: int = 0
    since: datetime | None = None

    def is_late(self, now: datetime) -> bool:
        """Whether the oldest waits for longer than a recompute should take."""
        return self.since is not None and now - self.since > timedelta(seconds=5 * UPDATE_EXPECTED_S)


ROW_FIELDS = (
    "pk",
    "name",
    "industry",
    "segment",
    "tier",
    "phase",
    "tone",
    "mrr",
    "is_stale",
    "summary__owner_id",
    "summary__owner__name",
    "summary__owner__time_zone",
    "summary__currency",
    "summary__mrr_change_90d",
    "summary__plan",
    "summary__renewal_on",
    "summary__score",
    "summary__band",
    "summary__band_label",
    "summary__settled_band",
    "summary__computed_score",
    "summary__override_until",
    "summary__held",
    "summary__card",
    "summary__coverage",
    "summary__trend_30d",
    "summary__trend_points",
    "summary__top_cause",
    "summary__last_touch_at",
    "summary__open_follow_ups",
    "summary__next_follow_up_on",
    "summary__next_follow_up",
    "summary__last_nps",
)


@dataclass(frozen=True)
class Portfolio:
    """One user's list: every number of the page comes from the same scope, filters and day."""

    user: User
    filters: Filters
    today: date
    now: datetime
    scope: CustomerQuerySet
    book: CustomerQuerySet

    def rows(self, start: int, size: int, *, any_stale: bool = True) -> list[Any]:
        """A stretch of the result in its order: one query, whatever the number of rows."""
        marks = StaleMark.objects.filter(customer=OuterRef("pk"))
        stale = Exists(marks) if any_stale else Value(value=False, output_field=BooleanField())
        listed = self._ordered().annotate(is_stale=stale).values_list(*ROW_FIELDS, named=True)
        return list(listed[start : start + size])

    def all_rows(self) -> Any:
        """The whole result in its order, read in pieces; for the export."""
        return self._ordered().values_list(
            *(field for field in ROW_FIELDS if field != "is_stale"), named=True
        )

    def groups(self) -> list[Group]:
        """The result by band, currency and flags as if none were chosen, so that chips can count what they would show.

        The sum over the chosen bands is the sum over the rows.
        """
        soon = Q(summary__renewal_on__range=(self.today, self.today + timedelta(days=RENEWING_DAYS)))
        zero = Value(Decimal(0))
        rows = (
            self._filtered()
            .order_by()
            .annotate(**FLAGS)
            .values("tone", "summary__band_label", "summary__currency", *FLAGS)
            .annotate(
                n=Count("pk"),
                money=Coalesce(Sum("mrr"), zero),
                change=Coalesce(Sum("summary__mrr_change_90d"), zero),
                renewing=Count("pk", filter=soon),
                due=Count("pk", filter=Q(summary__next_follow_up_on__lte=self.today)),
                coverage=Coalesce(Avg("summary__coverage"), zero),
            )
        )
        return [
            Group(
                tone=row["tone"],
                band=row["summary__band_label"] or "",
                currency=row["summary__currency"] or "",
                flags=frozenset(name for name in FLAGS if row[name]),
                customers=row["n"],
                mrr=row["money"],
                mrr_change=row["change"],
                renewing=row["renewing"],
                follow_ups_due=row["due"],
                coverage=row["coverage"],
            )
            for row in rows
        ]

    def chosen(self, groups: Sequence[Group]) -> list[Group]:
        """Those groups whose band and flags are chosen; all of them when none is."""
        return [group for group in groups if self.has_band(group) and self.has_flags(group)]

    def has_band(self, group: Group) -> bool:
        """Whether its colour or its band's own word is chosen, or nothing is."""
        wanted = self.filters
        is_any = not (wanted.tones or wanted.words)
        return is_any or group.tone in wanted.tones or group.band in wanted.words

    def has_flags(self, group: Group) -> bool:
        """Whether it has every chosen flag."""
        return group.flags.issuperset(self.filters.flags)

    def counts(self) -> dict[str, Any]:
        """How many customers each built-in view has, and the tiers that can be chosen: one query over the scope."""
        counts = {
            view: Count("pk", filter=condition) if (condition := self._condition(view)) else Count("pk")
            for view in VIEWS
        }
        tiers = ArrayAgg("tier", distinct=True, filter=~Q(tier=""), default=Value([]))
        return self.scope.annotate(tone=TONE).aggregate(**counts, tiers=tiers)

    def owners(self) -> list[tuple[int, str]]:
        """Primary CSMs of the customers in scope, by name."""
        rows = self.scope.exclude(summary__owner=None).order_by("summary__owner__name")
        return list(rows.values_list("summary__owner_id", "summary__owner__name").distinct())

    def freshness(self) -> Freshness:
        """Customers of the result that wait for a recompute."""
        marks = StaleMark.objects.filter(customer__in=self._result().order_by().values("pk"))
        found = marks.aggregate(n=Count("customer", distinct=True), since=Min("created_at"))
        return Freshness(found["n"], found["since"])

    def ids(self, wanted: Sequence[int]) -> list[int]:
        """Those of the wanted customers that are in the reader's scope, by id."""
        return list(self.scope.filter(pk__in=list(wanted)).order_by("pk").values_list("pk", flat=True))

    def _home(self) -> Q:
        """A CSM's views look at the own book, everybody else's at all they may read."""
        return self._in_book() if self.user.role == Role.CSM else Q()

    def _in_book(self) -> Q:
        return Q() if self.book is self.scope else Q(pk__in=self.book.values("pk"))

    def _condition(self, view: str) -> Q:
        until = self.today + timedelta(days=ATTENTION_RENEWAL_DAYS)
        conditions = {
            "book": self._in_book,
            "attention": lambda: (
                self._home()
                & (
                    Q(tone="risk")
                    | Q(summary__trend_30d__lte=ATTENTION_FALL)
                    | Q(summary__next_follow_up_on__lt=self.today)
                    | (Q(summary__renewal_on__range=(self.today, until)) & ~Q(tone="good"))
                )
            ),
            "renewing": lambda: (
                self._home()
                & Q(summary__renewal_on__range=(self.today, self.today + timedelta(days=RENEWING_DAYS)))
            ),
            "untouched": lambda: (
                self._home()
                & (
                    Q(summary__last_touch_at=None)
                    | Q(summary__last_touch_at__lt=self.now - timedelta(days=UNTOUCHED_DAYS))
                )
            ),
            "onboarding": lambda: self._home() & Q(phase=Phase.ONBOARDING),
            "everyone": Q,
        }
        return conditions[view]()

    def _filtered(self) -> CustomerQuerySet:
        """All filters but the bands."""
        wanted = self.filters
        rows = self.scope.annotate(tone=TONE, mrr=Coalesce(F("summary__mrr"), Value(Decimal(0)))).filter(
            self._condition(wanted.view)
        )
        if wanted.phases:
            rows = rows.filter(phase__in=wanted.phases)
        if wanted.tiers:
            rows = rows.filter(tier__in=wanted.tiers)
        if wanted.owner_ids:
            rows = rows.filter(summary__owner_id__in=wanted.owner_ids)
        if wanted.mrr_from is not None:
            rows = rows.filter(mrr__gte=wanted.mrr_from)
        if wanted.mrr_to is not None:
            rows = rows.filter(mrr__lte=wanted.mrr_to)
        return self._with_text(self._in_window(rows))

    def _in_window(self, rows: CustomerQuerySet) -> CustomerQuerySet:
        window = self.filters.renewal
        if window == "passed":
            return rows.filter(summary__renewal_on__lt=self.today)
        if window == "none":
            return rows.filter(summary__renewal_on=None)
        if window:
            until = self.today + timedelta(days=int(window))
            return rows.filter(summary__renewal_on__range=(self.today, until))
        return rows

    def _with_text(self, rows: CustomerQuerySet) -> CustomerQuerySet:
        """Beginnings of words in any order: of the customer, its industry, or one of its contacts."""
        named = may_see_identities(self.user)
        for word in folded_words(self.filters.text):
            rows = rows.filter(with_words(word, named=named) | Q(industry__istartswith=word))
        return rows

    def _result(self) -> CustomerQuerySet:
        rows, wanted = self._filtered(), self.filters
        if wanted.tones or wanted.words:
            rows = rows.filter(Q(tone__in=wanted.tones) | Q(summary__band_label__in=wanted.words))
        for flag in wanted.flags:
            rows = rows.filter(FLAGS[flag])
        return rows

    def _ordered(self) -> CustomerQuerySet:
        keys = [ordering(key) for key in self.filters.sort] or [
            NOT_PAYING_LAST.asc(),
            RISK_FIRST.asc(),
            F("mrr").desc(),
        ]
        return self._result().order_by(*keys, Lower("name"), "pk")


def portfolio_for(user: User, *, filters: Filters, today: date, now: datetime) -> Portfolio:
    """The list of a user; archived customers are left out. `today` is the organisation's day."""
    scope, book = scope_and_book_for(user)
    active = scope.active()
    return Portfolio(
        user=user,
        filters=filters,
        today=today,
        now=now,
        scope=active,
        book=active if book is scope else book.active(),
    )


def default_view(user: User) -> str:
    """A CSM starts with the own book; people without a book start with all they may read."""
    return "book" if user.role == Role.CSM else "everyone"


def saved_views_of(user: User) -> list[SavedView]:
    """The user's own views in their order."""
    return list(SavedView.objects.filter(user=user).order_by("position", "pk"))
