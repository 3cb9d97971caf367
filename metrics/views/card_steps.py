"""What the buttons of the card editor do to a card that is not saved yet."""

import re
from collections.abc import Callable, Mapping

from customers.choices import Phase
from metrics.forms.card import CardForm, Opened
from metrics.forms.card_curve import usual_span
from metrics.formulas import card_edits
from metrics.formulas.card_edits import Body, EditError
from metrics.formulas.health_measures import MeasureVersion
from metrics.queries.reading_spread import span_of

LONGEST = 200  # characters of a key that a page may send
SMALL = re.compile(r"[0-9]{1,3}")
COUNTS = "count"  # unit of the measures an actions card may list

Sent = Mapping[str, str]
Result = tuple[Body, Opened]


def opened_by(sent: Sent) -> Opened:
    """The measure or action whose details are open, and which of its curves."""
    return Opened(sent.get("opened", "")[:LONGEST], max(0, _number(sent.get("place", ""))))


def step(form: CardForm, sent: Sent) -> Result:
    """The card after the button `do`, and what is open then. Raises EditError for what cannot be done."""
    name, _, what = sent.get("do", "").partition(":")
    body = form.body()
    own = ACTIONS if body.get("kind") == "actions" else WEIGHTED
    known = STEPS.get(name) or own.get(name)
    return known(form, body, what[:LONGEST], sent) if known else (body, form.opened)


def _open(_form: CardForm, body: Body, what: str, _sent: Sent) -> Result:
    return body, Opened(what)


def _close(_form: CardForm, body: Body, _what: str, _sent: Sent) -> Result:
    return body, Opened()


def _curve(form: CardForm, body: Body, what: str, _sent: Sent) -> Result:
    return body, Opened(form.opened.key, _number(what))


def _add_group(form: CardForm, body: Body, _what: str, sent: Sent) -> Result:
    return card_edits.add_group(body, sent.get("new_group", "")[:80]), form.opened


def _drop_group(form: CardForm, body: Body, what: str, _sent: Sent) -> Result:
    return card_edits.drop_group(body, what), form.opened


def _add_measure(form: CardForm, body: Body, _what: str, sent: Sent) -> Result:
    measure = _chosen(form, sent.get("new_measure", ""))
    curve = card_edits.first_curve(measure.better, span_of(measure.slot) or usual_span(measure.unit))
    added = card_edits.add_measure(body, sent.get("to_group", ""), measure.key, measure.version, curve)
    return added, Opened(measure.key)


def _drop_measure(form: CardForm, body: Body, what: str, _sent: Sent) -> Result:
    return card_edits.drop_measure(body, what), Opened() if form.opened.key == what else form.opened


def _add_curve(form: CardForm, body: Body, _what: str, sent: Sent) -> Result:
    key, wanted = form.opened.key, sent.get("new_curve", "")
    if wanted not in {*Phase.values, "tenure"}:
        raise EditError("Choose the phase of the further curve, or months of tenure.")
    added = card_edits.add_curve(body, key, phase="" if wanted == "tenure" else wanted)
    measure = card_edits.measure_in(added, key) or {}
    return added, Opened(key, len(measure.get("curves", ())))


def _drop_curve(form: CardForm, body: Body, what: str, _sent: Sent) -> Result:
    return card_edits.drop_curve(body, form.opened.key, _number(what)), Opened(form.opened.key)


def _add_band(form: CardForm, body: Body, _what: str, _sent: Sent) -> Result:
    return card_edits.add_band(body), form.opened


def _drop_band(form: CardForm, body: Body, what: str, _sent: Sent) -> Result:
    return card_edits.drop_band(body, _number(what)), form.opened


def _add_action(form: CardForm, body: Body, _what: str, sent: Sent) -> Result:
    measure = _chosen(form, sent.get("new_action", ""))
    return card_edits.add_action(body, measure.key, measure.version, measure.title), form.opened


def _drop_action(form: CardForm, body: Body, what: str, _sent: Sent) -> Result:
    return card_edits.drop_action(body, what), Opened() if form.opened.key == what else form.opened


def _chosen(form: CardForm, text: str) -> MeasureVersion:
    key, _, version = text[:LONGEST].rpartition(":")
    found = form.measure(key, _number(version))
    if found is None:
        raise EditError("Choose what to add from the list.")
    if form.working.get("kind") == "actions" and found.unit != COUNTS:
        raise EditError("An action is a measure that counts something.")
    return found


def _number(text: str) -> int:
    """A small whole number of a page; -1 for anything else."""
    return int(text) if SMALL.fullmatch(text) else -1


WEIGHTED: dict[str, Callable[[CardForm, Body, str, Sent], Result]] = {
    "add-group": _add_group,
    "drop-group": _drop_group,
    "add-measure": _add_measure,
    "drop-measure": _drop_measure,
    "add-curve": _add_curve,
    "drop-curve": _drop_curve,
    "curve": _curve,
}
ACTIONS: dict[str, Callable[[CardForm, Body, str, Sent], Result]] = {
    "add-action": _add_action,
    "drop-action": _drop_action,
}
STEPS: dict[str, Callable[[CardForm, Body, str, Sent], Result]] = {
    "open": _open,
    "close": _close,
    "add-band": _add_band,
    "drop-band": _drop_band,
}
