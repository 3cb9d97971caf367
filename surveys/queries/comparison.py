"""Two waves or periods side by side: scores, the same people, and who answered of those invited (S-213)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Count,
    Exists,
    FilteredRelation,
    OuterRef,
    Q,
    QuerySet,
)

from surveys.choices import ACCEPTED, MessageKind, ResponseStatus
from surveys.formulas import comparing
from surveys.formulas.comparing import Verdict
from surveys.formulas.scales import Scale
from surveys.formulas.weighting import Tally
from surveys.models import Invitation, Response, SurveyPolicy, Wave
from surveys.queries.results import mails_not_accepted
from surveys.queries.scores import tally_all
from surveys.queries.slices import Series, Slice, answers

WAVES_LISTED = 60
TRAITS = {"band": "customer__summary__band_label", "plan": "customer__summary__plan", "role": "contact__role"}
UNKNOWN_TRAIT = "not known"


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
    sides = [_side(answers(wanted, series.scale), series.scale) for wanted in (before, now)]
    (held_before, people_before), (held_now, people_now) = sides
    changes = None
    steps = comparing.bucket_changes(people_before, people_now)
    if comparing.is_paired(len(steps), people_before=len(people_before), people_now=len(people_now)):
        changes = steps
    found = comparing.verdict(
        held_before,
        held_now,
        is_share=not series.is_nps,
        alpha=policy.alpha,
        least=policy.min_show_n,
        changes=changes,
    )
    return Compared(held_before, held_now, found, len(people_before), len(people_now))


def _side(rows: QuerySet[Response], scale: Scale | None) -> tuple[Tally, dict[int, int]]:
    """The tally of a side, and the bucket (0 unhappy, 1 neutral, 2 happy) of each known contact's last answer.

    One reading serves both. A scale without agreed cuts has no buckets.
    """
    if scale is None:
        return tally_all(rows, scale), {}
    counts: Counter[int] = Counter()
    last: dict[int, int] = {}
    said = rows.order_by("contact", "answered_at", "pk").values_list("contact", "score")
    for contact, score in said:
        counts[score] += 1
        if contact is not None:
            last[contact] = score
    steps = {score: (score > scale.negative_to) + (score >= scale.positive_from) for score in counts}
    held = Tally(
        counts.total(),
        sum(number for score, number in counts.items() if score >= scale.positive_from),
        sum(number for score, number in counts.items() if not steps[score]),
        sum(score * number for score, number in counts.items()),
    )
    return held, {contact: steps[score] for contact, score in last.items()}


@dataclass(frozen=True)
class Bias:
    """One value of a trait among those invited and those who answered; shares in per cent."""

    name: str
    invited: int
    answered: int
    share_invited: float
    share_answered: float


def biases(wanted: Slice) -> dict[str, list[Bias]]:
    """Who answered of those invited, by health band, plan and role as they are now, the largest group first.

    All traits are counted in one pass: there are few combinations of them. Empty where nobody was invited.
    """
    counted = FilteredRelation("response", condition=Q(response__status=ResponseStatus.COUNTED))
    grouped = (
        _invited(wanted)
        .order_by()
        .annotate(counted=counted)
        .values_list(*TRAITS.values())
        .annotate(invited=Count("*"), answered=Count("counted"))
    )
    held: dict[str, dict[str, list[int]]] = {trait: {} for trait in TRAITS}
    for *values, invited, answered in grouped:
        for trait, value in zip(TRAITS, values, strict=True):
            numbers = held[trait].setdefault(str(value or UNKNOWN_TRAIT), [0, 0])
            numbers[0] += invited
            numbers[1] += answered
    return {trait: _shares(groups) for trait, groups in held.items()}


def _shares(groups: Mapping[str, Sequence[int]]) -> list[Bias]:
    invited, answered = (sum(numbers[place] for numbers in groups.values()) for place in (0, 1))
    lines = [
        Bias(
            name=name,
            invited=of,
            answered=number,
            share_invited=100 * of / invited,
            share_answered=100 * number / answered if answered else 0,
        )
        for name, (of, number) in groups.items()
    ]
    return sorted(lines, key=lambda line: (-line.invited, line.name))


def _invited(wanted: Slice) -> QuerySet[Invitation]:
    """Invitations whose first mail was accepted, of a wave or sent within a period."""
    rules: dict[str, Any] = {
        "wave": wanted.wave,
        "wave__version__series_key": wanted.series,
        "customer__segment": wanted.segment,
        "phase_at_send": wanted.phase,
        "owner_at_send": wanted.owner,
        "language": wanted.language,
    }
    rows = Invitation.objects.filter(is_test=False, **{name: value for name, value in rules.items() if value})
    if wanted.start is None and wanted.end is None:
        return rows.exclude(Exists(mails_not_accepted().filter(invitation=OuterRef("pk"))))
    days = {"messages__accepted_at__gte": wanted.start, "messages__accepted_at__lt": wanted.end}
    return rows.filter(
        messages__kind=MessageKind.FIRST,
        messages__delivery_state__in=ACCEPTED,
        **{name: value for name, value in days.items() if value},
    )
