"""Views of a customer as tones, and since when two of them are two tones apart (HD-1)."""

from collections.abc import Iterable, Mapping
from datetime import date

from metrics.formulas.health_numbers import MICRO

VIEWS = ("score", "pulse", "survey", "usage")
RED, AMBER, GREEN, NONE = "red", "amber", "green", "none"
PULSE_TONES = {1: RED, 2: RED, 3: AMBER, 4: GREEN, 5: GREEN}
PULSE_DAYS = 90  # after so many days a pulse has expired
RED_BELOW, AMBER_BELOW = 40 * MICRO, 70 * MICRO  # points of an answer, as of any single measure
FALLS_FROM = -20 * MICRO  # per cent of change
LISTED_AFTER = 7  # days apart

Seen = Mapping[str, tuple[str, date]]  # view: (tone, the first day seen with it)
Pair = tuple[str, str]  # the red view and the green one


def score_tone(tone: str) -> str:
    """The colour of a band as one of three; blue is green."""
    return GREEN if tone == "blue" else tone if tone in {RED, AMBER, GREEN} else NONE


def pulse_tone(value: int | None, age: int | None) -> str:
    """A pulse in millionths of a level, `age` in days; an expired one is none."""
    if value is None or age is None or age >= PULSE_DAYS:
        return NONE
    return PULSE_TONES.get(value // MICRO, NONE)


def survey_tone(value: int | None) -> str:
    """Points of the latest answers of all contacts, in millionths."""
    if value is None:
        return NONE
    return RED if value < RED_BELOW else AMBER if value < AMBER_BELOW else GREEN


def usage_tone(value: int | None) -> str:
    """Change of usage in per cent, in millionths: a fall by a fifth or more is red, any other fall amber."""
    if value is None:
        return NONE
    return RED if value <= FALLS_FROM else AMBER if value < 0 else GREEN


def pairs_apart(tones: Mapping[str, str]) -> set[Pair]:
    """Every red view with every green one."""
    reds, greens = views_of(tones, RED), views_of(tones, GREEN)
    return {(red, green) for red in reds for green in greens}


def views_of(tones: Mapping[str, str], tone: str) -> list[str]:
    """The views of one tone, in their order."""
    return [view for view in VIEWS if tones.get(view) == tone]


def seen_on(tones: Mapping[str, str], before: Seen, day: date) -> dict[str, tuple[str, date]]:
    """Tones with the first day of each: the one kept where the tone is the same, else this day."""
    return {
        view: before[view] if view in before and before[view][0] == tone else (tone, day)
        for view, tone in tones.items()
    }


def apart_since(seen: Seen, pairs: Iterable[Pair]) -> date | None:
    """The first day of the pair that has been apart for longest; None without a pair."""
    return min((max(seen[red][1], seen[green][1]) for red, green in pairs), default=None)
