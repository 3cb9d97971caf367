"""Random cards and histories by seed: far cheaper to build than drawn ones, for checks over thousands of pairs."""

from random import Random

from metrics.formulas.health import Reading, Subject
from metrics.formulas.health_cards import (
    Action,
    ActionsCard,
    Cap,
    Card,
    CardMeasure,
    Group,
    SpecialCurve,
    WeightedCard,
)
from metrics.formulas.health_change import State, state_of
from metrics.formulas.health_curves import Curve, Linear, Peers, Percentile, Step, Target
from metrics.formulas.health_numbers import FULL
from metrics.formulas.health_override import Override

FAR = 10**9
LABELS = ("tier=gold", "region=EU")


def random_curve(rng: Random) -> Curve:
    kind = rng.choice(["linear", "bounded", "step", "target", "percentile"])
    if kind == "target":
        return Target(*sorted(rng.sample(range(-FAR, FAR), 4)))
    if kind == "percentile":
        return Percentile(rng.randint(1, 9), rng.random() < 0.5, rng.choice(["", "tier=gold"]))
    pairs = tuple((x, rng.randint(0, FULL)) for x in sorted(rng.sample(range(-FAR, FAR), rng.randint(2, 6))))
    return Step(pairs) if kind == "step" else Linear(pairs, bounded=kind == "bounded")


def random_card(rng: Random) -> Card:
    if rng.random() < 0.2:
        return _actions(rng)
    keys = rng.sample([f"m{number}" for number in range(8)], rng.randint(1, 8))
    groups = []
    while keys:
        size = rng.randint(1, len(keys))
        members = tuple(_measure(rng, key) for key in keys[:size])
        weight = rng.choice([0, 1, rng.randint(1, 10**6)])
        groups.append(Group(f"g{len(groups)}", "G", weight, members, rng.choice(["mean", "min", "max"])))
        keys = keys[size:]
    known = [one.key for group in groups for one in group.measures] + [group.key for group in groups]
    caps = tuple(
        Cap(rng.choice(known), rng.randint(0, FULL), rng.randint(0, FULL)) for _ in range(rng.randint(0, 2))
    )
    card = WeightedCard(tuple(groups), caps=caps, min_coverage=rng.choice([0, 0, 3_000, 5_000]))
    return card if card.base_total else random_card(rng)


def _measure(rng: Random, key: str) -> CardMeasure:
    fresh = rng.choice([None, rng.randint(0, 50)])
    special = (SpecialCurve(random_curve(rng), phase="onboarding"),) if rng.random() < 0.3 else ()
    return CardMeasure(
        key=key,
        version=rng.choice([1, 1, 1, 2]),
        weight=rng.choice([0, 1, rng.randint(1, 10**6)]),
        curve=random_curve(rng),
        curves=special,
        missing=rng.choice(["redistribute", "redistribute", "neutral", "worst", "block"]),
        neutral=rng.randint(0, FULL),
        fresh_for=fresh,
        expires_after=None if fresh is None else fresh + rng.randint(1, 60),
    )


def _actions(rng: Random) -> ActionsCard:
    keys = rng.sample([f"m{number}" for number in range(8)], rng.randint(1, 5))
    return ActionsCard(
        tuple(
            Action(
                key=key,
                title="A",
                impact=rng.randint(-100_000, 100_000),
                impacts=tuple(
                    (label, rng.randint(-100_000, 100_000)) for label in LABELS if rng.random() < 0.3
                ),
                max_count=rng.choice([None, rng.randint(0, 50)]),
            )
            for key in keys
        ),
        window_days=rng.choice([30, 60]),
    )


def random_reading(rng: Random) -> Reading:
    if rng.random() < 0.2:
        return Reading(reason="no_facts")
    below, equal, above = rng.randint(0, 20), rng.randint(0, 5), rng.randint(0, 20)
    return Reading(
        rng.randint(-FAR, FAR), rng.randint(0, 120), "", Peers(below, equal, below + equal + above)
    )


def random_state(rng: Random, base: State | None = None) -> State:
    """A scored state; beside another one it keeps card, subject and parts of the readings at random."""
    same_card = base is not None and rng.random() < 0.5
    card = base.card if same_card else random_card(rng)
    kept = {} if base is None else dict(zip((m.key for m in base.card.measures), base.readings, strict=True))
    causes = {cause for cause in ("value", "age", "presence") if rng.random() < 0.5}
    row = [_beside(kept.get(one.key), random_reading(rng), causes) for one in card.measures]
    subject = Subject(rng.choice(["", "onboarding"]), rng.choice([None, 3]), frozenset(rng.sample(LABELS, 1)))
    if same_card and rng.random() < 0.7:
        subject = base.subject
    number = rng.randint(0, FULL)
    override = rng.choice([None, None, Override("value", number), Override("cap", number)])
    return state_of(card, row, subject, override)


def _beside(old: Reading | None, new: Reading, moved: set[str]) -> Reading:
    """The new reading, with what has not moved taken from the old one."""
    if old is None:
        return new
    if "presence" not in moved and (old.value is None or new.value is None):
        return old
    if old.value is None or new.value is None:
        return new
    valued = new if "value" in moved else old
    return Reading(valued.value, (new if "age" in moved else old).age, "", valued.peers)
