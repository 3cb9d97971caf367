"""A coherent story for each customer: a hidden mood drives use, tickets, answers, growth and leaving.

Pure: the same seed and day give the same story. Rows have the columns of the import files.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from config.management.demo_company import words

Row = dict[str, Any]

PLANS = {"Starter": 19, "Growth": 29, "Enterprise": 42}  # price per seat and month
RECENT_DAYS = 62  # days with use by person and day; before that a sample day per week


@dataclass
class Customer:
    """One customer's life."""

    key: str
    name: str
    row: Row
    csm: str
    seats: int
    plan: str
    starts: date
    moods: list[float]  # one per month since `starts`, 0 = gone, 1 = delighted
    ends: date | None = None
    back: date | None = None
    contacts: list[Row] = field(default_factory=list)

    def mood(self, day: date) -> float:
        """How they feel on a day."""
        month = max(0, (day - self.starts).days // 30)
        return self.moods[min(month, len(self.moods) - 1)]

    def is_live(self, day: date) -> bool:
        """Whether they pay on that day."""
        if day < self.starts:
            return False
        if self.ends is None or day < self.ends:
            return True
        return self.back is not None and day >= self.back


@dataclass
class Story:
    """The company's rows by import kind, and what has no file: follow-ups, pulses, answers."""

    customers: list[Customer]
    subscriptions: list[Row]
    tickets: list[Row]
    touchpoints: list[Row]
    follow_ups: list[Row]
    pulses: list[Row]
    rates: list[Row]
    today: date
    seed: int

    def customer_rows(self) -> list[Row]:
        return [customer.row for customer in self.customers]

    def contact_rows(self) -> list[Row]:
        return [row for customer in self.customers for row in customer.contacts]

    def usage_rows(self) -> Iterator[Row]:
        """Use by person and day, lazily: this is the bulk."""
        for customer in self.customers:
            yield from _usage(Random(f"{self.seed}:{customer.key}:use"), customer, self.today)


def build(*, seed: int, months: int, customers: int, today: date, csms: list[str]) -> Story:
    """The whole story. `csms` are e-mail addresses; the first keeps about a sixth of the customers."""
    rng = Random(seed)
    first = _months_before(today, months)
    company = [_customer(rng, number, customers, first, today, csms) for number in range(customers)]
    story = Story(company, [], [], [], [], [], _rates(rng, first, today), today, seed)
    for customer in company:
        story.subscriptions += _subscriptions(rng, customer, today)
        story.tickets += _tickets(rng, customer, today)
        story.touchpoints += _touchpoints(rng, customer, today)
        story.follow_ups += _follow_ups(rng, customer, today)
        story.pulses += _pulses(rng, customer, today)
    return story


def _months_before(day: date, months: int) -> date:
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _customer(rng: Random, number: int, total: int, first: date, today: date, csms: list[str]) -> Customer:
    trades = list(words.SECOND)
    trade = trades[(number // len(words.FIRST) + number) % len(trades)]
    name = f"{words.FIRST[number % len(words.FIRST)]} {trade}"
    if number >= len(words.FIRST) * len(trades):
        name = f"{name} {number}"
    span = (today - first).days
    # two fifths are there from the start, the rest arrive over time
    offset = rng.randrange(20) if number < total * 0.4 else rng.randrange(max(1, span - 20))
    starts = first + timedelta(days=offset)
    seats = max(5, int(rng.lognormvariate(3.9, 0.8)))
    plan = "Enterprise" if seats > 120 else "Growth" if seats > 35 else "Starter"
    region = rng.choices(list(words.REGIONS), weights=(4, 4, 3, 2))[0]
    country = rng.choice(words.REGIONS[region])
    key = f"K-{number + 1:04d}"
    csm = csms[0] if number % 6 == 0 else csms[1 + number % (len(csms) - 1)]
    customer = Customer(key, name, {}, csm, seats, plan, starts, _moods(rng, starts, today))
    _decide_end(rng, customer, today)
    age = (today - starts).days
    customer.row = {
        "customer_id": key,
        "name": name,
        "domain": name.lower().replace(" ", "-") + ".example",
        "segment": "Key" if plan == "Enterprise" else "Core",
        "tier": {"Enterprise": "High touch", "Growth": "Mid touch", "Starter": "Tech touch"}[plan],
        "industry": words.SECOND[trade],
        "region": region,
        "country": country,
        "currency": words.CURRENCY_OF.get(country, "EUR"),
        "lifecycle_phase": "onboarding" if age < 75 else "adoption" if age < 240 else "value",
        "phase_since": str(starts + timedelta(days=0 if age < 75 else 75 if age < 240 else 240)),
        "csm_email": csm,
        "created_on": str(starts - timedelta(days=rng.randrange(5, 40))),
    }
    customer.contacts = _contacts(rng, customer)
    return customer


def _moods(rng: Random, starts: date, today: date) -> list[float]:
    drift = rng.choices((0.012, 0.0, -0.015, -0.05), weights=(4, 5, 3, 1.4))[0]
    mood, moods = min(0.95, max(0.3, rng.gauss(0.68, 0.14))), []
    for _ in range((today - starts).days // 30 + 2):
        mood = min(0.98, max(0.04, mood + drift + rng.gauss(0, 0.045)))
        moods.append(mood)
    return moods


def _decide_end(rng: Random, customer: Customer, today: date) -> None:
    """The unhappy leave at a month's turn, a few happy ones too; a few come back."""
    for month, mood in enumerate(customer.moods[:-1]):
        day = customer.starts + timedelta(days=30 * (month + 1))
        if day >= today:
            return
        chance = 0.16 if mood < 0.25 else 0.06 if mood < 0.4 else 0.004
        if month > 2 and rng.random() < chance:
            customer.ends = day
            if rng.random() < 0.14 and day + timedelta(days=150) < today:
                customer.back = day + timedelta(days=rng.randrange(60, 140))
            return


def _contacts(rng: Random, customer: Customer) -> list[Row]:
    rows = []
    for number in range(rng.randrange(2, 6)):
        first, last = rng.choice(words.PEOPLE_FIRST), rng.choice(words.PEOPLE_LAST)
        rows.append(
            {
                "contact_id": f"{customer.key}-{number + 1}",
                "customer_id": customer.key,
                "email": f"{first}.{last}{number or ''}@{customer.row['domain']}".lower(),
                "name": f"{first} {last}",
                "role": words.ROLES[number % len(words.ROLES)],
                "language": "en",
                "do_not_survey": "yes" if rng.random() < 0.03 else "no",
            }
        )
    return rows


def _subscriptions(rng: Random, customer: Customer, today: date) -> list[Row]:
    """Versions of the platform line: seats follow the mood about twice a year; plus an add-on for some."""
    rows: list[Row] = []
    yearly = customer.plan == "Enterprise" and rng.random() < 0.7
    seats, day = customer.seats, customer.starts
    trial = customer.plan == "Starter" and rng.random() < 0.35
    while day < today and (customer.ends is None or day < customer.ends):
        following = day + timedelta(days=rng.choice((91, 122, 182, 182, 365)))
        if customer.ends is not None and following > customer.ends - timedelta(days=20):
            following = customer.ends
        row = _version(customer, day, None if following >= today else following, seats, yearly)
        if trial and day == customer.starts:
            row["trial_end"] = str(day + timedelta(days=14))
        if not rows and rng.random() < 0.12:
            row |= {"discount_percent": "20", "discount_until": str(day + timedelta(days=90))}
        rows.append(row)
        before, seats = seats, _next_seats(rng, customer.mood(following), seats)
        if seats != before and row["end_date"]:
            row["reason"] = rng.choice(words.UP_REASONS if seats > before else words.DOWN_REASONS)
        day = following
    if customer.ends is not None:
        rows[-1] |= {"end_date": str(customer.ends), "reason": rng.choice(words.CHURN_REASONS)}
    if customer.back is not None:
        rows.append(_version(customer, customer.back, None, max(5, seats // 2), yearly))
    _last_state(rng, rows[-1], customer, today)
    return rows + _add_on(rng, customer, today)


def _version(customer: Customer, start: date, end: date | None, seats: int, yearly: bool) -> Row:
    months = 12 if yearly else 1
    return {
        "customer_id": customer.key,
        "subscription_id": f"{customer.key}-S",
        "product": "platform",
        "plan": customer.plan,
        "start_date": str(start),
        "end_date": str(end) if end else "",
        "amount": str(PLANS[customer.plan] * seats * months),
        "quantity": str(seats),
        "currency": customer.row["currency"],
        "interval": "year" if yearly else "month",
        "status": "active",
    }


def _next_seats(rng: Random, mood: float, seats: int) -> int:
    if mood > 0.66 and rng.random() < 0.55:
        return math.ceil(seats * rng.uniform(1.05, 1.35))
    if mood < 0.42 and rng.random() < 0.5:
        return max(5, int(seats * rng.uniform(0.6, 0.92)))
    return seats


def _last_state(rng: Random, row: Row, customer: Customer, today: date) -> None:
    """Signed ends ahead (renewals to come), and now and then a payment that is late."""
    if row["end_date"]:
        return
    if rng.random() < 0.6:
        row["end_date"] = str(_next_anniversary(date.fromisoformat(row["start_date"]), today))
        row |= {"auto_renew": "yes" if rng.random() < 0.5 else "no", "notice_days": "30"}
    if customer.mood(today) < 0.4 and rng.random() < 0.35:
        row["status"] = "past_due"


def _next_anniversary(start: date, today: date) -> date:
    year = start.year + 1
    while True:
        following = date(year, start.month, min(start.day, 28))
        if following > today:
            return following
        year += 1


def _add_on(rng: Random, customer: Customer, today: date) -> list[Row]:
    if customer.mood(today) < 0.6 or rng.random() > 0.25 or customer.ends is not None:
        return []
    start = customer.starts + timedelta(days=rng.randrange(60, 400))
    if start >= today:
        return []
    row = _version(customer, start, None, customer.seats, yearly=False)
    return [
        row
        | {"subscription_id": f"{customer.key}-A", "product": "analytics", "amount": str(4 * customer.seats)}
    ]


def _usage(rng: Random, customer: Customer, today: date) -> Iterator[Row]:
    people = [f"{customer.key}-u{number}" for number in range(min(customer.seats, 3 + customer.seats // 14))]
    day = max(customer.starts, date(2000, 1, 1))
    recent = today - timedelta(days=RECENT_DAYS)
    while day < today:
        if customer.is_live(day) and day.weekday() < 5:
            share = 0.08 + 0.62 * customer.mood(day) ** 1.3
            for person in people:
                if rng.random() < share * (0.5 if day >= recent else 1):
                    yield {
                        "customer_id": customer.key,
                        "day": str(day),
                        "user_id": person,
                        "event": "worked",
                        "feature": words.FEATURES[int(rng.random() ** 2 * len(words.FEATURES))],
                        "count": str(1 + int(rng.random() * 12)),
                    }
            yield from _acts(rng, customer, people[0], day)
        day += timedelta(days=1 if day >= recent else 7)


def _acts(rng: Random, customer: Customer, person: str, day: date) -> Iterator[Row]:
    """Now and then somebody invites a colleague, reports a bug, or takes a smaller plan."""
    mood = customer.mood(day)
    for event, chance in (
        ("invite_sent", 0.12 * mood),
        ("bug_reported", 0.10 * (1 - mood)),
        ("plan_downgraded", 0.01 * (1 - mood)),
    ):
        if rng.random() < chance:
            row = {"customer_id": customer.key, "day": str(day), "user_id": person, "event": event}
            yield row | {"feature": "", "count": "1"}


def _at(rng: Random, day: date) -> str:
    moment = datetime.combine(day, time(8 + rng.randrange(9), rng.randrange(60)))
    return moment.isoformat(timespec="seconds")


def _tickets(rng: Random, customer: Customer, today: date) -> list[Row]:
    rows, day = [], customer.starts
    while True:
        day += timedelta(days=max(4, int(rng.expovariate(1 / (25 + 90 * customer.mood(day))))))
        if day >= today:
            return rows
        if not customer.is_live(day):
            continue
        unhappy = customer.mood(day) < 0.42
        took = rng.randrange(1, 20 if unhappy else 7)
        solved = day + timedelta(days=took)
        opened = _at(rng, day)
        rows.append(
            {
                "ticket_id": f"{customer.key}-T{len(rows) + 1}",
                "customer_id": customer.key,
                "opened_at": opened,
                "solved_at": _at(rng, solved) if solved < today else "",
                "priority": rng.choices(
                    ("low", "normal", "high", "urgent"), weights=(2, 5, 3 if unhappy else 1, 1)
                )[0],
                "agent_replies": str(rng.randrange(1, 6)),
                "reopened": "1" if unhappy and rng.random() < 0.3 else "0",
                "csat": str(min(5, max(1, round(customer.mood(day) * 5 + rng.gauss(0, 0.7)))))
                if rng.random() < 0.5
                else "",
            }
        )


def _touchpoints(rng: Random, customer: Customer, today: date) -> list[Row]:
    cadence = {"Enterprise": 21, "Growth": 40, "Starter": 75}[customer.plan]
    rows, day = [], customer.starts + timedelta(days=rng.randrange(2, 10))
    while day < today:
        if customer.is_live(day):
            kind = rng.choices(("call", "meeting", "email", "review"), weights=(5, 2, 3, 1))[0]
            rows.append(
                {
                    "customer_id": customer.key,
                    "occurred_at": _at(rng, day),
                    "kind": kind,
                    "direction": "out" if rng.random() < 0.7 else "in",
                    "subject": rng.choice(words.TOUCH_SUBJECTS[kind]),
                    "body": "Agreed next steps and dates.",
                    "contact_email": customer.contacts[0]["email"],
                    "author_email": customer.csm,
                }
            )
        day += timedelta(days=int(cadence * rng.uniform(0.6, 1.9)))
    return rows


def _follow_ups(rng: Random, customer: Customer, today: date) -> list[Row]:
    if not customer.is_live(today) or rng.random() > 0.45:
        return []
    return [
        {
            "customer_id": customer.key,
            "title": title,
            "due_on": today + timedelta(days=rng.randrange(-5, 25)),
            "owner": customer.csm,
            "priority": "high" if customer.mood(today) < 0.4 else "normal",
        }
        for title in rng.sample(words.FOLLOW_UPS, k=rng.choice((1, 1, 2)))
    ]


def _pulses(rng: Random, customer: Customer, today: date) -> list[Row]:
    if rng.random() < {"Starter": 0.8, "Growth": 0.5, "Enterprise": 0.2}[customer.plan]:
        return []
    rows = []
    for back in (rng.randrange(3, 75),):
        day = today - timedelta(days=back)
        if day < customer.starts or not customer.is_live(day):
            continue
        level = min(5, max(1, round(customer.mood(day) * 5 + rng.gauss(0.3, 0.5))))
        note = rng.choice(words.PULSE_NOTES) if level < 3 else ""
        rows.append(
            {"customer_id": customer.key, "day": day, "level": level, "note": note, "by": customer.csm}
        )
    return rows


def _rates(rng: Random, first: date, today: date) -> list[Row]:
    """Monthly rates (units per euro) that wander a little."""
    rates, rows, day = {"USD": 1.08, "GBP": 0.85}, [], first - timedelta(days=31)
    while day < today:
        for currency, rate in rates.items():
            rates[currency] = round(rate * (1 + rng.gauss(0, 0.008)), 4)
            rows.append({"day": str(day), "currency": currency, "rate": str(rates[currency])})
        day += timedelta(days=30)
    return rows
