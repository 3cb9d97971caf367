"""The five scales: their points, what is good, what is bad. Keys are the stored kinds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Points run from `low` to `high`, ascending in reading direction; higher is always better.

    `negative_to` is the highest score that counts as unhappy, `positive_from` the lowest that counts as happy.
    """

    low: int
    high: int
    negative_to: int
    positive_from: int
    labels: tuple[str, ...]

    @property
    def points(self) -> range:
        return range(self.low, self.high + 1)

    def holds(self, score: int) -> bool:
        """Whether the score lies on this scale."""
        return self.low <= score <= self.high


SCALES = {
    "nps": Scale(0, 10, 6, 9, ("Not at all likely", "Extremely likely")),
    "csat5": Scale(
        1,
        5,
        2,
        4,
        (
            "Very dissatisfied",
            "Somewhat dissatisfied",
            "Neither satisfied nor dissatisfied",
            "Somewhat satisfied",
            "Very satisfied",
        ),
    ),
    "csat7": Scale(
        1,
        7,
        3,
        6,
        (
            "Extremely dissatisfied",
            "Moderately dissatisfied",
            "Slightly dissatisfied",
            "Neither satisfied nor dissatisfied",
            "Slightly satisfied",
            "Moderately satisfied",
            "Extremely satisfied",
        ),
    ),
    "ces7": Scale(
        1,
        7,
        3,
        5,
        (
            "Strongly disagree",
            "Disagree",
            "Somewhat disagree",
            "Neither agree nor disagree",
            "Somewhat agree",
            "Agree",
            "Strongly agree",
        ),
    ),
    "ces5": Scale(
        1,
        5,
        2,
        4,
        ("Strongly disagree", "Disagree", "Neither agree nor disagree", "Agree", "Strongly agree"),
    ),
}

NEGATIVE, NEUTRAL, POSITIVE = "negative", "neutral", "positive"


def bucket(kind: str, score: int) -> str:
    """Negative (detractor), neutral (passive) or positive (promoter); boxes of S-20."""
    return bucket_of(SCALES[kind], score)


def bucket_of(scale: Scale | None, score: int) -> str:
    """The same on a given scale; without agreed cuts every answer is neutral."""
    if scale is None:
        return NEUTRAL
    if score <= scale.negative_to:
        return NEGATIVE
    return POSITIVE if score >= scale.positive_from else NEUTRAL


NPS_FROM_ONE = Scale(1, 10, 6, 9, SCALES["nps"].labels)


def scale_of(kind: str, low: int, high: int, direction: str) -> Scale | None:
    """Cuts of a stored scale; None for an imported one that has no agreed buckets: it has a mean and no share."""
    if direction != "high_is_good":
        return None
    if (kind, low, high) == ("nps", NPS_FROM_ONE.low, NPS_FROM_ONE.high):
        return NPS_FROM_ONE
    scale = SCALES.get(kind)
    return scale if scale is not None and (scale.low, scale.high) == (low, high) else None


def is_low(kind: str, score: int) -> bool:
    """Whether the answer is unhappy enough to need a person (S-130)."""
    return bucket(kind, score) == NEGATIVE


def point_from_text(kind: str, raw: str | None) -> int | None:
    """The score in `?r=<n>` when it lies on the scale; anything else is None."""
    if raw is None or not raw.isascii() or not raw.isdigit() or len(raw) > len("10"):
        return None
    score = int(raw)
    return score if SCALES[kind].holds(score) else None
