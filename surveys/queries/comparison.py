"""Two waves or periods side by side: scores, the same people, and who answered of those invited (S-213)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from surveys.choices import ACCEPTED, MessageKind, ResponseStatus
from surveys.formulas import comparing
from surveys.formulas.comparing import Verdict
from surveys.formulas.scales import Scale
from surveys.formulas.weighting import Tally, merged
from surveys.models import Invitation, Response, SurveyPolicy, Wave
from surveys.queries.scores import tally_by
from surveys.queries.slices import Series, Slice, answers

WAVES_LISTED = 60
TRAITS = {"band": "customer__summary__band_label", "plan": "customer__summary__plan", "role": "contact__role"}


@dataclass(frozen=True)
class Compared:
    """Both tallies and the verdict on the change from the first to the second."""

    before: Tally
    now: Tally
    verdict: Verdict
    people_before: int
    people_now: int


def waves_of(series: Series) -> list[Wave]:
    """Waves that asked the question of a series, newest first."""
    rows = Wave.objects.filter(version__series_key=series.key, is_test=False).exclude(snapshot_at=None)
    return list(rows.select_related("campaign").order_by("-snapshot_at", "-pk")[:WAVES_LISTED])


def compare(before: Slice, now: Slice, series: Series, policy: SurveyPolicy) -> Compared:
    """Scores of two slices of one series. The same people are paired when they are half of the smaller side (S-25)."""
    sides = [answers(wanted, series.scale) for wanted in (before, now)]
    held = [merged(tally_by(rows, "status", series.scale).values()) for rows in sides]
    changes = None
    people = [{}, {}]
    if series.scale is not None:
        people = [_bucket_of_people(rows, series.scale) for rows in sides]
        steps = comparing.bucket_changes(*people)
        if comparing.is_paired(len(steps), people_before=len(people[0]), people_now=len(people[1])):
            changes = steps
    found = comparing.verdict(
        held[0],
        held[1],
        is_share=not series.is_nps,
        alpha=policy.alpha,
        least=policy.min_show_n,
        changes=changes,
    )
    return Compared(held[0], held[1], found, len(people[0]), len(people[1]))


def _bucket_of_people(rows: QuerySet[Response], scale: Scale) -> Mapping[int, int]:
    """Bucket (0 unhappy, 1 neutral, 2 happy) of each known contact's last answer of a side."""
    step = Case(
        When(score__lte=scale.negative_to, then=Value(0)),
        When(score__gte=scale.positive_from, then=Value(2)),
        default=Value(1),
        output_field=IntegerField(),
    )
    newest = rows.filter(contact__isnull=False).order_by("contact", "-answered_at", "-pk").distinct("contact")
    return dict(newest.annotate(step=step).values_list("contact", "step"))


@dataclass(frozen=True)
class Bias:
    """One value of a trait among those invited and those who answered; shares in per cent."""

    name: str
    invited: int
    answered: int
    share_invited: float
    share_answered: float


def bias(wanted: Slice, trait: str) -> list[Bias]:
    """Who answered of those invited, by health band, plan or role as they are now. Empty where nobody was invited."""
    rows = _invited(wanted).order_by().values(TRAITS[trait])
    found = list(
        rows.annotate(
            invited=Count("pk"), answered=Count("pk", filter=Q(response__status=ResponseStatus.COUNTED))
        )
    )
    invited, answered = (sum(row[name] for row in found) for name in ("invited", "answered"))
    lines = [
        Bias(
            name=str(row[TRAITS[trait]] or "not known"),
            invited=row["invited"],
            answered=row["answered"],
            share_invited=100 * row["invited"] / invited,
            share_answered=100 * row["answered"] / answered if answered else 0,
        )
        for row in found
    ]
    return sorted(lines, key=lambda line: line.invited, reverse=True)


def _invited(wanted: Slice) -> QuerySet[Invitation]:
    """Invitations whose first mail was accepted, of a wave or sent within a period."""
    rows = Invitation.objects.filter(
        is_test=False, messages__kind=MessageKind.FIRST, messages__delivery_state__in=ACCEPTED
    )
    rules: dict[str, Any] = {
        "wave": wanted.wave,
        "wave__version__series_key": wanted.series,
        "messages__accepted_at__gte": wanted.start,
        "messages__accepted_at__lt": wanted.end,
        "customer__segment": wanted.segment,
        "phase_at_send": wanted.phase,
        "owner_at_send": wanted.owner,
        "language": wanted.language,
    }
    return rows.filter(**{name: value for name, value in rules.items() if value})
