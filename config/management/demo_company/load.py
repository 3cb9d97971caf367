"""Brings the story into the database through the services: files by the import, the rest by the same calls pages make."""

import csv
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils import timezone

from accounts.choices import ReadScope, Role
from accounts.models import User
from accounts.queries import organisation as organisations
from accounts.services import organisation, teams, users
from config.devstack.demo import PASSWORD
from config.management.demo_company import money
from config.management.demo_company.story import Row, Story
from config.web.errors import DomainError
from customers.connectors.table import Columns
from customers.models import Customer, ExternalId
from customers.queries.access import customers_for
from customers.services import follow_ups, pulses, subscriptions
from customers.services.imports.run import Request, run_import
from metrics.formulas.health_starter import STARTER_KEY
from metrics.models import ScorecardVersion
from metrics.services import (
    closing,
    lint,
    recompute,
    score_history,
    scorecard_review,
    scorecards,
    starter_actions,
)

NAME, ZONE, CURRENCY = "Kestrel", "Europe/Berlin", "EUR"
SOURCE = "demo"
HISTORY_WEEKS = 12  # weekly scores shown in the sparkline
HISTORY_MONTHS = 10  # monthly scores before that: twelve months are seen at once
Report = Callable[[str], None]


@dataclass(frozen=True)
class Person:
    email: str
    name: str
    role: str
    team: str


PEOPLE = (
    Person("vera@kestrel.example", "Vera Admin", Role.ADMIN, "Customer success"),
    Person("nora@kestrel.example", "Nora Admin", Role.ADMIN, "Customer success"),
    Person("max@kestrel.example", "Max Berger", Role.MANAGER, "Customer success"),
    Person("mara@kestrel.example", "Mara Lindqvist", Role.CSM, "North"),
    Person("jonas@kestrel.example", "Jonas Weber", Role.CSM, "North"),
    Person("ines@kestrel.example", "Ines Costa", Role.CSM, "South"),
    Person("tomas@kestrel.example", "Tomas Novak", Role.CSM, "South"),
    Person("fin@kestrel.example", "Fin Keller", Role.VIEWER, "Customer success"),
)
CSMS = [person.email for person in PEOPLE if person.role == Role.CSM]


def found_company(*, now: datetime) -> dict[str, User]:
    """The organisation, its teams and its people; returns the people by address."""
    organisation.change_organisation(
        name=NAME, time_zone=ZONE, currency=CURRENCY, csm_read_scope=ReadScope.OWN, by=None, now=now
    )
    admin = _person(PEOPLE[0], None, now)
    whole = teams.save_team(team=None, name="Customer success", parent=None, by=admin, now=now)
    parts = {
        name: teams.save_team(team=None, name=name, parent=whole, by=admin, now=now)
        for name in ("North", "South")
    }
    parts[whole.name] = whole
    found = {person.email: _person(person, parts[person.team], now) for person in PEOPLE[1:]}
    return {admin.email: admin, **found}


def _person(person: Person, team: Any, now: datetime) -> User:
    return users.create_user(
        email=person.email, name=person.name, role=person.role, password=PASSWORD, by=None, now=now, team=team
    )


def load(story: Story, people: dict[str, User], *, now: datetime, report: Report) -> None:
    """All facts of the story, in the order in which they need each other."""
    admin = people[PEOPLE[0].email]
    files: list[tuple[str, Iterable[Row]]] = [
        ("rates", story.rates),
        ("customers", story.customer_rows()),
        ("contacts", story.contact_rows()),
        ("subscriptions", story.subscriptions),
        ("tickets", story.tickets),
        ("touchpoints", story.touchpoints),
        ("usage", story.usage_rows()),
        ("costs", money.costs(story)),
        ("orders", money.orders(story)),
    ]
    for kind, rows in files:
        if rows == []:
            continue
        report(f"{kind}: {_import(kind, rows, by=admin, now=now)} rows")
    ids = dict(ExternalId.objects.filter(source=SOURCE).values_list("value", "customer_id"))
    customers = customers_for(admin).in_bulk(ids.values())
    book = {key: customers[pk] for key, pk in ids.items()}
    _daily_work(story, book, people, now)
    report(f"daily work: {len(story.follow_ups)} follow-ups, {len(story.pulses)} pulses")


def _import(kind: str, rows: Iterable[Row], *, by: User, now: datetime) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{kind}.csv"
        _write(path, rows)
        outcome = run_import(
            request=Request(
                kind=kind,
                path=path,
                file_name=path.name,
                columns=Columns(),
                source=SOURCE,
                is_history=True,
            ),
            by=by,
            now=now,
        )
    if outcome.problems:
        first = outcome.problems[0]
        raise DomainError(f"The demo's {kind} were refused: row {first.row}, {first.column}: {first.reason}")
    return outcome.rows


def _write(path: Path, rows: Iterable[Row]) -> None:
    """A CSV whose header is the union of the first rows' columns (all rows of one kind share them)."""
    listed = rows if isinstance(rows, list) else None
    first = listed or []
    with path.open("w", encoding="utf-8", newline="") as file:
        if listed is not None:
            names = list(dict.fromkeys(name for row in first for name in row))
            writer = csv.DictWriter(file, names, restval="")
            writer.writeheader()
            writer.writerows(first)
            return
        rest = iter(rows)
        one = next(rest)
        writer = csv.DictWriter(file, list(one), restval="")
        writer.writeheader()
        writer.writerow(one)
        writer.writerows(rest)


def _daily_work(story: Story, book: dict[str, Customer], people: dict[str, User], now: datetime) -> None:
    for row in story.follow_ups:
        follow_ups.open_follow_up(
            customer=book[row["customer_id"]],
            title=row["title"],
            owner=people[row["owner"]],
            due_on=row["due_on"],
            priority=row["priority"],
            by=people[row["owner"]],
            now=now,
        )
    for row in story.pulses:
        pulses.record_pulse(
            customer=book[row["customer_id"]],
            level=row["level"],
            note=row["note"],
            by=people[row["by"]],
            now=now,
            occurred_at=_moment(row["day"]),
        )


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(10), organisations.zone())


def compute(*, today: date, now: datetime, report: Report) -> None:
    """Everything computed: revenue, use, scores today; then the scores of past days that charts show."""
    days = [(day, _moment(day + timedelta(days=1))) for day in _history_days(today)]
    report(f"{score_history.score_past_days(days=days, now=now)} scores of {len(days)} past days")
    covered = recompute.recompute_all(as_of=today, now=now, usage_from=recompute.EARLIEST)
    report(f"recomputed {covered.customers} customers over {covered.months} months")


def put_cards_in_force(people: dict[str, User], *, today: date, report: Report) -> None:
    """The card for paying customers, one that counts what trials and free customers do, and the rules between them.

    All from before the first score; each was sent by one admin and approved by the other.
    """
    at = _moment(_history_days(today)[0]) - timedelta(days=1)
    scorecards.ensure_default_scorecard(now=at)
    author, approver = (people[person.email] for person in PEOPLE[:2])
    actions = starter_actions.install_starter_actions(
        by=author, now=at, as_of=at.date(), events={"core_event": {"event": "worked"}}
    )
    _publish(actions, "What people do says more of a trial than what they pay.", author, approver, at)
    rules = scorecards.start_rules_draft(by=author, now=at)
    unpaid = [{"when": [f"state={state}"], "card": actions.scorecard.key} for state in ("trial", "free")]
    body = {"kind": "rules", "rules": unpaid, "default": STARTER_KEY}
    rules = scorecards.save_body(draft=rules, body=body, version=rules.version, by=author, now=at)
    _publish(rules, "Trials and free customers are scored by what they do.", author, approver, at)
    report("3 scorecard versions in force")


def _publish(draft: ScorecardVersion, note: str, author: User, approver: User, at: datetime) -> None:
    warnings = [one for one in lint.findings_of(draft, now=at) if one.level == "W"]
    scorecards.acknowledge(
        draft=draft,
        notes={lint.name_of(one): "Known when the company began" for one in warnings},
        by=author,
        now=at,
    )
    scorecards.note_preview(draft=draft, summary={}, now=at)
    sent = scorecard_review.send_to_review(
        draft=draft,
        version=draft.version,
        note=note,
        effective_on=organisations.local_day(at),
        by=author,
        now=at,
    )
    scorecard_review.approve(version=sent, by=approver, now=at)


def close_last_month(story: Story, *, by: User, report: Report) -> None:
    """The last complete month is closed as reported; then a line is told late, and the month is restated."""
    month = (story.today.replace(day=1) - timedelta(days=1)).replace(day=1)
    if not any(customer.is_live(month) for customer in story.customers):
        return
    closing.close_month(month=month, by=by, now=timezone.now())
    told, since, amount = money.late_line(story, month)
    late = ExternalId.objects.get(source=SOURCE, value=told.key).customer
    subscriptions.start_line(
        customer=late,
        from_on=since,
        by=by,
        now=timezone.now(),
        product="Extra seats",
        plan=told.plan,
        amount=Decimal(amount),
        currency=CURRENCY,
    )
    recompute.bring_up_to_date(as_of=story.today, now=timezone.now())
    report(f"closed {month:%Y-%m}, restated {closing.restate(now=timezone.now())} numbers")


def _history_days(today: date) -> list[date]:
    weeks = [today - timedelta(days=7 * back) for back in range(HISTORY_WEEKS, 0, -1)]
    months = [weeks[0] - timedelta(days=30 * back) for back in range(HISTORY_MONTHS, 0, -1)]
    return [*months, *weeks]
