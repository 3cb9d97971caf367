"""The product users, contacts, trials and new customers behind engagement and activation."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.db.models import Q

from customers.choices import Attribute, Direction, Phase, TouchpointKind
from customers.models import AttributeValue, Touchpoint
from metrics.formulas import activation, conversion, engagement
from metrics.formulas.activation import Watched
from metrics.formulas.conversion import Trial
from metrics.formulas.engagement import SATURDAY, WEEK, WINDOW
from metrics.formulas.periods import Period, trailing
from metrics.formulas.result import Result, known, ratio, unknown
from metrics.models import DailyUsage, LineSegment, MonthlyUsage, ValueEvent
from metrics.queries.activation import FIRST_MONTH, first_days, starts_of
from metrics.queries.engagement import active_months, days_of_new_users, feature_adoption, retained
from metrics.queries.rows import (
    COUNT,
    DAY,
    FLAG,
    MOMENT,
    NUMBER,
    TEXT,
    Ask,
    ListSource,
    QuerySource,
    Receipt,
    RowColumn,
    SpanSource,
    Sums,
)
from metrics.queries.spans import span_days
from metrics.queries.trials import trials_by_customer
from metrics.queries.usage_windows import SHORTER, active_in, masks_of, within
from metrics.sql.spans import PLAIN

NO_USAGE = unknown("no_data")
USER = RowColumn("user", "Product user", TEXT)
WAITING = "Who is not there yet counts as waiting, not as zero."
TOTALS_OUT = "Use that a source sends as daily totals knows no single users and is left out."


def paying_on(ask: Ask, day: date) -> SpanSource:
    """Customers paying at the end of a day, whatever the reading of the definition."""
    columns = (
        RowColumn("is_now", "Paying", FLAG, "CASE WHEN closing > 0 THEN 1 ELSE 0 END"),
        RowColumn("closing", "MRR"),
    )
    window = Period(day, day + timedelta(days=1))
    return SpanSource(
        "Paying at the close", "closing > 0", columns, span_days([window], [day]), ask.customers, PLAIN
    )


def _user_days(ask: Ask, day: date, window: Period) -> list[tuple[int, tuple[Any, ...]]]:
    """Users of a window: days of use in it that count, and whether they were seen in its last days."""
    mode = ask.question.definition.stickiness_mode
    week, single = trailing(day, WEEK), trailing(day, 1)
    masks, days = dict(masks_of(window)), defaultdict(set)
    rows = active_in(window, customers=ask.question.customers)
    for pk, user, month, bits in rows.order_by().values_list("customer_id", "user_ref", "month", "days"):
        inside = bits & masks[month]
        days[pk, user] |= {month + timedelta(days=k) for k in range(inside.bit_length()) if inside >> k & 1}
    listed = []
    for (pk, user), seen in days.items():
        counted = [when for when in seen if mode != "workdays" or when.weekday() < SATURDAY]
        last = max(seen)
        listed.append((pk, (user, len(counted), int(last >= week.start), int(last >= single.start), last)))
    return listed


def users(ask: Ask) -> Receipt:
    """Product users of 30 days, with how often and how lately they were seen."""
    day = ask.question.close_on(ask.period)
    if ask.key == "dau_mean":
        return _daily(ask, day)
    window = trailing(day, WINDOW)
    columns = (
        USER,
        RowColumn("days", "Days of use", COUNT),
        RowColumn("week", "In 7 days", FLAG),
        RowColumn("single", "On the day", FLAG),
        RowColumn("last", "Last seen", DAY),
    )
    source = ListSource("Users of 30 days", "product users", _user_days(ask, day, window), columns, "-days")
    ever = within(MonthlyUsage.objects.filter(month__lte=day), ask.question.customers).exists()

    def made(sums: Sequence[Sums]) -> Result:
        if not ever:
            return NO_USAGE
        if ask.key == "mau":
            return known(sums[0].rows)
        if ask.key == "wau":
            return known(sums[0]["week"])
        return _stickiness(ask, day, sums[0])

    is_ratio = ask.key == "stickiness"
    return Receipt(
        [source],
        made,
        top="users of a day, mean" if is_ratio else "users",
        bottom="users of 30 days" if is_ratio else "",
        left_out=TOTALS_OUT,
    )


def _stickiness(ask: Ask, day: date, sums: Sums) -> Result:
    mode = ask.question.definition.stickiness_mode
    if mode in SHORTER:
        seen = sums["week"] if mode == "wau_mau" else sums["single"]
        return engagement.stickiness(dau_mean=seen, mau=sums.rows)
    days = [trailing(day, WINDOW).start + timedelta(days=step) for step in range(WINDOW)]
    counted = sum(1 for when in days if mode != "workdays" or when.weekday() < SATURDAY)
    mean = engagement.dau_mean([int(sums["days"])], days=counted)
    return engagement.stickiness(dau_mean=mean.value or 0, mau=sums.rows)


def _daily(ask: Ask, day: date) -> Receipt:
    window = trailing(day, WINDOW)
    rows = within(
        DailyUsage.objects.filter(day__gte=window.start, day__lt=window.end), ask.question.customers
    )
    columns = (RowColumn("day", "Day", DAY), RowColumn("users", "Product users", COUNT))
    source = QuerySource("Days of 30", "days of customers", rows, columns, "-day")

    def made(sums: Sequence[Sums]) -> Result:
        return engagement.dau_mean([int(sums[0]["users"])], days=WINDOW) if sums[0].rows else NO_USAGE

    return Receipt([source], made, top="users of each day", bottom="30 days")


def seats(ask: Ask) -> Receipt:
    """Customers with seats: their seats, and their users of 30 days."""
    day = ask.question.close_on(ask.period)
    lines = LineSegment.objects.filter(mrr__gt=0, quantity__gt=0, from_on__lte=day)
    held = within(lines, ask.question.customers).filter(Q(to_on=None) | Q(to_on__gt=day))
    main = held.order_by("customer_id", "-mrr", "subscription_id").distinct("customer_id")
    bought = dict(main.values_list("customer_id", "quantity"))
    seen: dict[int, set[str]] = defaultdict(set)
    found = active_in(trailing(day, WINDOW), customers=list(bought))
    for pk, user in found.order_by().values_list("customer_id", "user_ref"):
        seen[pk].add(user)
    rows = [(pk, (len(seen[pk]), number)) for pk, number in bought.items()]
    columns = (RowColumn("users", "Product users", COUNT), RowColumn("seats", "Seats", COUNT))
    known_users = within(MonthlyUsage.objects.filter(month__lte=day), list(bought)).exists()

    def made(sums: Sequence[Sums]) -> Result:
        if not sums[0]["seats"]:
            return unknown("not_configured")
        return ratio(sums[0]["users"], sums[0]["seats"]) if known_users else NO_USAGE

    source = ListSource("Customers with seats", "customers", rows, columns, "-seats")
    return Receipt([source], made, top="users of 30 days", bottom="seats")


def features(ask: Ask) -> Receipt:
    """Features by the share of active customers that adopted them; the first one is shown as the number."""
    found = feature_adoption(ask.question, day=ask.question.close_on(ask.period))
    rows = [
        (None, (name, result.numerator, result.denominator, result.value)) for name, result in found.items()
    ]
    columns = (
        RowColumn("feature", "Feature", TEXT),
        RowColumn("adopters", "Customers that adopted it", NUMBER),
        RowColumn("active", "Active customers", NUMBER),
        RowColumn("share", "Share", "rate"),
    )
    source = ListSource("Features", "features", rows, columns, "-share", has_customers=False)
    first = next(iter(found.values()), NO_USAGE)
    return Receipt([source], lambda _: first, top="adopters of the first", bottom="active customers")


def lifecycle(ask: Ask) -> Receipt:
    """Users of this period and of the one before, by what they did."""
    period = ask.period
    rows = within(MonthlyUsage.objects.filter(month__lte=ask.question.as_of), ask.question.customers)
    listed = []
    found = active_months(ask.question, rows).filter(Q(now_0__gt=0) | Q(before_0__gt=0))
    for row in found.order_by():
        is_now, was = row["now_0"] > 0, row["before_0"] > 0
        fresh = is_now and period.start <= row["first"] < period.end
        flags = (fresh, is_now and was, is_now and not fresh and not was, was and not is_now)
        listed.append((row["customer_id"], (row["user_ref"], *(int(each) for each in flags))))
    columns = (
        USER,
        RowColumn("users_new", "New", FLAG),
        RowColumn("users_returning", "Returning", FLAG),
        RowColumn("users_resurrecting", "Resurrecting", FLAG),
        RowColumn("users_dormant", "Gone quiet", FLAG),
    )
    source = ListSource("Users of the period or the one before", "product users", listed, columns, "user")
    ever = rows.exists()
    return Receipt([source], lambda sums: known(sums[0][ask.key]) if ever else NO_USAGE, top="users")


def returning(ask: Ask) -> Receipt:
    """Users first seen in the period, and whether they were back on a day."""
    k = int(ask.key.rpartition("_")[2])
    cohort = {
        user: {(day - min(days)).days for day in days}
        for user, days in days_of_new_users(ask.question).items()
        if ask.closed.start <= min(days) < ask.closed.end
    }
    rule = ask.question.definition.retention_rule
    first = {user: min(days) for user, days in days_of_new_users(ask.question).items()}
    rows = [
        (pk, (name, first[pk, name], int(engagement.nday_retention_of({0: days}, k, rule=rule).value or 0)))
        for (pk, name), days in cohort.items()
    ]
    columns = (USER, RowColumn("first", "First seen", DAY), RowColumn("back", f"Back on day {k}", FLAG))
    source = ListSource("Users first seen in the period", "product users", rows, columns, "first")

    def made(sums: Sequence[Sums]) -> Result:
        if ask.question.definition.retention_day != "calendar":
            return unknown("not_configured")
        told = retained(ask.question, ask.closed, cohort, k)
        return told if told.value is None else ratio(sums[0]["back"], sums[0].rows)

    return Receipt([source], made, top=f"back on day {k}", bottom="first seen")


def contacts(ask: Ask) -> Receipt:
    """Calls, meetings, mails and reviews of 30 days, and who paid."""
    day = ask.question.close_on(ask.period)
    start, end = ask.question.instants(trailing(day, WINDOW))
    rows = (
        ask.question.facts(Touchpoint)
        .filter(occurred_at__gte=start, occurred_at__lt=end)
        .exclude(kind=TouchpointKind.NOTE)
        .exclude(direction=Direction.INTERNAL)
    )
    columns = (
        RowColumn("occurred_at", "When", MOMENT),
        RowColumn("kind", "Kind", TEXT),
        RowColumn("subject", "Subject", TEXT),
    )
    source = QuerySource("Contacts of 30 days", "contacts", rows, columns, "-occurred_at")
    return Receipt(
        [source, paying_on(ask, day)],
        lambda sums: ratio(sums[0].rows, sums[1]["is_now"]),
        top="contacts",
        bottom="paying customers",
        left_out="Notes, internal touchpoints and tickets are no contact.",
    )


def trials(ask: Ask) -> Receipt:
    """Trials with start, end and conversion, as the definition counts them."""
    definition, period = ask.question.definition, ask.closed
    by_end = definition.trial_definition == "ended_in_period" and ask.key == "trial_to_paid_rate"
    listed = []
    for pk, trial in trials_by_customer(ask.question):
        inside = [trial.converted, trial.cancelled] if by_end else [trial.started]
        if any(day is not None and period.start <= day < period.end for day in inside):
            listed.append((pk, trial))
    rows = [(pk, _trial_row(ask, trial, by_end=by_end)) for pk, trial in listed]
    columns = (
        RowColumn("started", "Began", DAY),
        RowColumn("until", "Ends", DAY),
        RowColumn("when", "Converted on", DAY),
        RowColumn("converted", "Converted", FLAG),
        RowColumn("pending", "Pending", FLAG),
        RowColumn("abandoned", "Abandoned", FLAG),
    )
    source = ListSource("Trials", "trials", rows, columns, "started")

    def made(sums: Sequence[Sums]) -> Result:
        if ask.key == "trials_started":
            return known(sums[0].rows)
        if ask.key != "trial_to_paid_rate":
            return known(sums[0][ask.key.removeprefix("trials_")])
        return ratio(sums[0]["converted"], sums[0].rows, if_zero="no_data")

    bottom = "trials ended" if by_end else "trials begun"
    return Receipt(
        [source], made, top="converted", bottom=bottom, left_out="Sales without a trial are in neither part."
    )


def _trial_row(ask: Ask, trial: Trial, *, by_end: bool) -> tuple[Any, ...]:
    definition = ask.question.definition
    states = conversion.trial_states(
        [Trial(trial.started, trial.converted, None, trial.until)],
        as_of=ask.question.as_of,
        tail_days=definition.trial_tail_days,
    )
    converted = states["converted"]
    if ask.key == "trial_to_paid_rate" and definition.trial_definition == "within_days":
        late = trial.converted and (trial.converted - trial.started).days > definition.trial_within_days
        converted = 0 if late else converted
    if by_end:
        converted = int(trial.converted is not None and ask.closed.start <= trial.converted < ask.closed.end)
    return (trial.started, trial.until, trial.converted, converted, states["pending"], states["abandoned"])


def activated(ask: Ask) -> Receipt:
    """New customers of the period with the day of their first event."""
    purpose = ValueEvent.ACTIVATION if ask.key == "activation_rate" else ValueEvent.FIRST_VALUE
    question = ask.question
    has_usage = within(DailyUsage.objects.filter(day__lte=question.as_of), question.customers).exists()
    days = first_days(question, list(ValueEvent.objects.all()), purpose) if has_usage else {}
    cohort = [start for start in starts_of(question) if ask.closed.start <= start.day < ask.closed.end]
    window = timedelta(days=question.definition.activation_days)
    rows, watched = [], []
    for start in cohort:
        first = days.get(start.customer)
        reached = first is not None and first <= question.as_of
        waited = max(((first if reached and first else question.as_of) - start.day).days, 0)
        watched.append(Watched(waited, reached))
        over = start.day + window <= question.as_of
        soon = over and first is not None and first <= start.day + window
        rows.append((start.customer, (start.day, first, waited, int(reached), int(over), int(soon))))
    columns = [
        RowColumn("start", "First paid", DAY),
        RowColumn("first", "First event", DAY),
        RowColumn("waited", "Days", NUMBER),
        RowColumn("reached", "Reached", FLAG),
        RowColumn("over", "Window over", FLAG),
        RowColumn("soon", "In time", FLAG),
    ]
    source = ListSource("First paid in the period", "customers", rows, columns, "start")
    is_rate = ask.key == "activation_rate"

    def made(sums: Sequence[Sums]) -> Result:
        if not has_usage:
            return NO_USAGE
        if is_rate:
            return ratio(sums[0]["soon"], sums[0]["over"], if_zero="no_data")
        return _time_to(ask.key, watched)

    return Receipt(
        [source],
        made,
        top="in time" if is_rate else "days, waiting ones counted",
        bottom="window over" if is_rate else "",
        left_out="Customers whose window is still open are in neither part." if is_rate else WAITING,
    )


def _time_to(key: str, watched: Sequence[Watched]) -> Result:
    if key == "time_to_value_p75_days":
        return activation.time_to_value_p75_days(watched)
    if key == "value_reached_share":
        return activation.reached_share(watched)
    if key == "value_reached_30d_share":
        return activation.reached_by(watched, day=FIRST_MONTH)
    return activation.time_to_value_median_days(watched)


def onboarding(ask: Ask) -> Receipt:
    """Customers that entered onboarding in the period, with the days they spent in it."""
    as_of = ask.question.as_of
    found = ask.question.facts(AttributeValue).filter(
        key=Attribute.PHASE, value=Phase.ONBOARDING, from_on__gte=ask.closed.start, from_on__lt=ask.closed.end
    )
    rows, watched = [], []
    for pk, start, end in found.values_list("customer_id", "from_on", "to_on"):
        left = end is not None and end <= as_of
        days = ((end if left else as_of) - start).days
        watched.append(Watched(days, left))
        rows.append((pk, (start, end if left else None, days, int(left))))
    columns = (
        RowColumn("start", "Entered", DAY),
        RowColumn("end", "Left", DAY),
        RowColumn("days", "Days", NUMBER),
        RowColumn("done", "Left it", FLAG),
    )
    source = ListSource("Entered onboarding in the period", "customers", rows, columns, "start")
    return Receipt([source], lambda _: activation.onboarding_time(watched), top="days", left_out=WAITING)


_TIMES = (
    "time_to_value_median_days",
    "time_to_value_p75_days",
    "value_reached_share",
    "value_reached_30d_share",
)
USE_ROWS: Mapping[str, Callable[[Ask], Receipt]] = {
    **dict.fromkeys(("dau_mean", "wau", "mau", "stickiness"), users),
    "licence_use": seats,
    "feature_adoption": features,
    **dict.fromkeys(("users_new", "users_returning", "users_resurrecting", "users_dormant"), lifecycle),
    **{f"nday_retention_{k}": returning for k in (1, 7, 30)},
    "contact_frequency": contacts,
    "trial_to_paid_rate": trials,
    **{f"trials_{name}": trials for name in ("started", "converted", "pending", "abandoned")},
    "activation_rate": activated,
    **dict.fromkeys(_TIMES, activated),
    "onboarding_time_median_days": onboarding,
}
