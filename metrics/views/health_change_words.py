"""A change of a score as people read it: what each part is called, what happened there, and where its rows are."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from django.urls import reverse

from config.web.money import percent
from metrics.choices import OverrideKind
from metrics.formulas.health import CAP_LINE, Reading
from metrics.formulas.health_cards import CardMeasure, WeightedCard
from metrics.formulas.health_change import (
    CONFIG,
    COUNTS,
    COVERAGE,
    DATA,
    DECAY,
    ENGINE,
    ENGINE_LINE,
    NOT_ON_CARD,
    NOTHING_KNOWN,
    OVERRIDE,
)
from metrics.formulas.health_change_shown import OTHER
from metrics.formulas.health_measures import MeasureVersion
from metrics.formulas.health_numbers import MICRO, plain
from metrics.formulas.health_override import OVERRIDE_LINE
from metrics.queries.score_changes import End, ScoreChange
from metrics.views.health_words import REASON_WORDS, value_words

CAUSE_WORDS = {
    DATA: "Data",
    CONFIG: "Configuration",
    DECAY: "Age of readings",
    COVERAGE: "Coverage",
    OVERRIDE: "Override",
    ENGINE: "Calculation",
    OTHER: "Other",
}
LINE_WORDS = {
    CAP_LINE: "Cap",
    OVERRIDE_LINE: "Override",
    ENGINE_LINE: "Calculation",
    NOTHING_KNOWN: "Nothing known",
}
PRESENCE_WORDS = {COUNTS: "counts", NOT_ON_CARD: "not on the card", **REASON_WORDS}
FEED_PAGES = {
    "usage": "metrics:usage_panel",
    "subscriptions": "metrics:revenue_panel",
    "surveys": "surveys:customer_panel",
    "custom fields": "customers:customer_fields",
}
TIMELINE = "customers:customer_timeline"
HALF = Fraction(1, 2)


def line_title(found: ScoreChange, key: str) -> str:
    """What a line is called."""
    measure = found.declared(key)
    return measure.title if measure else LINE_WORDS.get(key, key)


def facts_href(found: ScoreChange, key: str) -> str:
    """The page with the facts behind a reading; empty for a line that is no measure."""
    measure = found.declared(key)
    return "" if measure is None else facts_page(measure, found.after.score.customer_id)


def facts_page(measure: MeasureVersion, customer_id: int) -> str:
    """The page with the facts that a measure reads."""
    return reverse(FEED_PAGES.get(measure.feed, TIMELINE), args=[customer_id])


def line_note(found: ScoreChange, cause: str, key: str) -> str:
    """What one cause did on one line."""
    if found.declared(key) is None:
        return {CAP_LINE: "limits the score"}.get(key, "")
    if cause == DATA:
        return _data_note(found, key)
    if cause == DECAY:
        return _age_note(found, key) or "shares in it"
    if cause == COVERAGE:
        return _coverage_note(found, key) or "its share of the weight changed"
    return _config_note(found, key)


def cause_note(found: ScoreChange, cause: str) -> str:
    """What happened, in a few words: the version, the age, the reading that went."""
    if cause == CONFIG:
        return ", ".join(config_words(found.before, found.after))
    if cause == OVERRIDE:
        return _override_words(found.before, found.after)
    if cause == ENGINE:
        return f"engine {found.before.score.engine} → {found.after.score.engine}"
    note, between = {DECAY: (_age_note, " "), COVERAGE: (_coverage_note, ": ")}.get(cause, (None, ""))
    if note is None:
        return ""
    said = [(line_title(found, line.key), note(found, line.key)) for line in found.change.lines]
    return ", ".join(f"{title}{between}{words}" for title, words in said if words)


def config_words(before: End, after: End) -> Iterator[str]:
    """What of the configuration differs: card and rule, version, phase, segments, tenure."""
    old, new = before.score.version, after.score.version
    if old.scorecard_id != new.scorecard_id:
        rule = after.score.rule
        yield f"other card: {new.scorecard.title}, {'default card' if rule is None else f'rule {rule + 1}'}"
    elif old.pk != new.pk:
        yield f"config {old.label} → {new.label}"
    then, now = before.state.subject, after.state.subject
    if then.phase != now.phase:
        yield f"phase {then.phase or 'none'} → {now.phase or 'none'}"
    if then.segments != now.segments:
        gone, come = sorted(then.segments - now.segments), sorted(now.segments - then.segments)
        yield f"segment {', '.join(gone) or 'none'} → {', '.join(come) or 'none'}"
    if then.tenure_months != now.tenure_months and _uses_tenure(after):
        yield f"tenure {_months(then.tenure_months)} → {_months(now.tenure_months)} months"


def _uses_tenure(end: End) -> bool:
    return isinstance(end.card, WeightedCard) and any(
        special.phase is None for measure in end.card.measures for special in measure.curves
    )


def _months(months: int | None) -> str:
    return "no" if months is None else str(months)


def _override_words(before: End, after: End) -> str:
    if after.score.override is None:
        return "override ended" if before.score.override else ""
    override = after.score.override
    verb = "" if override.kind == OverrideKind.CAP else " with"
    value = plain(int(override.value * MICRO), 1)
    return f"{override.get_kind_display()}{verb} {value} until {override.ends_on:%-d %b %Y}"


def _value(found: ScoreChange, reading: Reading | None, key: str) -> str:
    measure = found.declared(key)
    if reading is None or reading.value is None or measure is None:
        return "none"
    return value_words(Decimal(reading.value) / MICRO, measure)


def _data_note(found: ScoreChange, key: str) -> str:
    then, now = found.before.reading(key), found.after.reading(key)
    if then is not None and now is not None and then.value == now.value:
        return "peers moved"
    return f"{_value(found, then, key)} → {_value(found, now, key)}"


def _age_note(found: ScoreChange, key: str) -> str:
    """How old a reading is and what it still counts; empty where its age did not change what it counts."""
    measure, now, then = found.after.measure(key), found.after.reading(key), found.before.reading(key)
    if not isinstance(measure, CardMeasure) or now is None or then is None or now.age is None:
        return ""
    if None in {now.value, then.value} or now.age == then.age:
        return ""
    counts = _counted(measure, now.age)
    if counts is None or (counts == 1 and _counted(measure, then.age) == 1):
        return ""
    if counts == 0:
        return "expired"
    words = {Fraction(1): "in full", HALF: "half"}.get(counts) or _pct(counts)
    return f"is {now.age} {'day' if now.age == 1 else 'days'} old, counts {words}"


def _counted(measure: CardMeasure, age: int | None) -> Fraction | None:
    """The share of its points a reading of this age keeps; None when the measure does not age."""
    fresh, expires = measure.fresh_for, measure.expires_after
    if fresh is None or expires is None or age is None:
        return None
    return min(Fraction(1), max(Fraction(0), Fraction(expires - age, expires - fresh)))


def _coverage_note(found: ScoreChange, key: str) -> str:
    then, now = found.before.reading(key), found.after.reading(key)
    if then is None or now is None or (then.value is None) == (now.value is None):
        return ""
    if now.value is not None:
        return f"now has a reading: {_value(found, now, key)}"
    return REASON_WORDS.get(now.reason, now.reason)


def _config_note(found: ScoreChange, key: str) -> str:
    if found.before.measure(key) is None:
        return "added to the card"
    if found.after.measure(key) is None:
        return "taken off the card"
    then, now = _share(found.before, key), _share(found.after, key)
    if then is None or now is None:
        return ""
    return "its curve or rules" if then == now else f"{_pct(then)} → {_pct(now)} of the weight"


def _share(end: End, key: str) -> Fraction | None:
    if not isinstance(end.card, WeightedCard):
        return None
    rows = zip(end.card.measures, end.card.base_shares, strict=True)
    return next((Fraction(base, end.card.base_total) for one, base in rows if one.key == key), None)


def _pct(share: Fraction) -> str:
    return percent(Decimal(share.numerator) / share.denominator)
