"""Worked examples from outside: every shape is understood, nothing stays, and a wrong number is named."""

import io
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from metrics.management.examples import compare, reader, timeline
from metrics.management.examples.answers import digits, shown
from metrics.management.examples.checking import FORMULAS
from metrics.management.examples.inputs import InputError, Inputs
from metrics.management.examples.rows import ROWS
from metrics.models import DefinitionVersion
from tests.factories.ledgers import DATA, make_payer, make_rate, make_version, set_currency

PUBLISHED = DATA.parent / "examples" / "worked_examples.yaml"
MORE = Path(__file__).with_name("more_examples.yaml")
FILES = [
    MORE,
    pytest.param(
        PUBLISHED,
        marks=pytest.mark.skipif(
            not PUBLISHED.exists(), reason="the shared folder is not beside the repository"
        ),
    ),
]

pytestmark = pytest.mark.django_db

FIELDS = "variant: default, provenance: rule, source: s, note: n, tolerance: 0"


def run(file, **options):
    """(exit code, lines printed)."""
    out = io.StringIO()
    try:
        call_command("check_examples", file, stdout=out, **options)
    except SystemExit as stop:
        return stop.code, out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


def written(folder, *examples):
    file = folder / "examples.yaml"
    file.write_text("examples:\n" + "".join(f"- {example}\n" for example in examples))
    return file


def rows_of_all_tables():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        names = [name for (name,) in cursor.fetchall()]
        counts = {}
        for name in names:
            cursor.execute(f'SELECT count(*) FROM public."{name}"')
            counts[name] = cursor.fetchone()[0]
    return counts


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"timezone": "Pacific/Auckland"},
        {"timezone": "Pacific/Honolulu", "reverse": True},
    ],
)
def test_every_example_passes_in_any_order_and_zone(file, options):
    code, lines = run(file, **options)
    assert [line for line in lines if line.startswith(("fail", "unsupported", "    "))] == []
    assert code == 0
    assert lines[-1].endswith(" passed, 0 failed")


def test_every_documented_key_has_an_example_here_or_among_the_published_ones():
    used = {example.metric for example in reader.read(MORE)}
    if PUBLISHED.exists():
        used |= {example.metric for example in reader.read(PUBLISHED)}
        assert used == FORMULAS.keys() | ROWS.keys()
    assert len(FORMULAS) + len(ROWS) == 78


def test_ce_9_nothing_stays_and_what_is_there_does_not_matter():
    empty = run(MORE)
    set_currency("SEK")
    make_version(make_payer("Stranger"), date(2023, 1, 1), mrr="999")
    make_rate("SEK", date(2023, 1, 1), "11.5")
    DefinitionVersion.objects.create(number=1, config={"weekly_factor": "4", "pause_policy": "keep"})
    before = rows_of_all_tables()
    assert run(MORE) == empty
    assert rows_of_all_tables() == before


def test_ce_1_a_wrong_number_fails_with_the_place_and_what_was_allowed(tmp_path):
    file = written(
        tmp_path,
        f"{{id: a, metric: nps, inputs: {{promoters: 6, passives: 2, detractors: 2}}, expected: {{nps: 41}}, {FIELDS}}}",
        "{id: b, metric: mrr_bridge, inputs: {start: 1, new: 1}, expected: {end: 2, net_new: 1, more: 5}, tolerance: 0.5}",
    )
    code, lines = run(file)
    assert code == 1
    assert lines[0] == "fail  a  nps  got {nps: 40}  expected {nps: 41}"
    assert lines[1] == "    nps: got 40, expected 41, allowed exact"
    assert lines[3] == "    more: got missing, expected 5, allowed within 0.5"
    assert lines[-1] == "0 passed, 2 failed"


def test_ce_1_a_planted_wrong_row_is_named_by_its_path(tmp_path):
    event = "{at: '2024-01-01', type: start, customer: A, sub: s, amount: 10, interval: month}"
    file = written(
        tmp_path,
        f"{{id: a, metric: mrr_movements, inputs: {{config: {{}}, events: [{event}]}},"
        " expected: {movements: [{date: '2024-01-01', category: expansion, amount: 11}]}, tolerance: 0.01}",
    )
    code, lines = run(file)
    assert code == 1
    assert "    movements[0].category: got new, expected expansion, allowed within 0.01" in lines
    assert "    movements[0].amount: got 10, expected 11, allowed within 0.01" in lines


def test_ce_4_only_unknown_words_are_unsupported_and_the_line_says_which(tmp_path):
    start = "{at: '2024-01-01', type: start, customer: A, sub: s, amount: 10, interval: month}"
    file = written(
        tmp_path,
        "{id: a, metric: nonsense, inputs: {}, expected: {x: 1}, tolerance: 0}",
        "{id: b, metric: mrr_movements, inputs: {events: [{at: '2024-01-01', type: merge}]}, expected: {x: 1}, tolerance: 0}",
        f"{{id: c, metric: mrr_movements, inputs: {{config: {{colour: red}}, events: [{start}]}}, expected: {{x: 1}}, tolerance: 0}}",
        "{id: d, metric: nps, inputs: {}, expected: {nps: null}, tolerance: 0}",
        f"{{id: e, metric: mrr_movements, inputs: {{config: {{pause_policy: maybe}}, events: [{start}]}}, expected: {{x: 1}}, tolerance: 0}}",
    )
    code, lines = run(file)
    assert code == 1
    heads = [line.split("  ")[0] for line in lines if not line.startswith(" ")][:5]
    assert heads == ["unsupported", "unsupported", "unsupported", "pass", "fail"]
    assert "unknown metric nonsense" in lines[0]
    assert "unknown event type merge" in lines[1]
    assert "unknown config key colour" in lines[2]
    assert lines[-2] == "unsupported: nonsense, event type merge, config key colour"
    assert lines[-1] == "1 passed, 4 failed"


def test_an_error_in_the_product_is_a_failed_example_with_its_text(tmp_path):
    file = written(
        tmp_path, "{id: a, metric: nps_scores, inputs: {scores: [11]}, expected: {nps: 0}, tolerance: 0}"
    )
    assert run(file)[1][1] == "    ValueError: a score is 0 to 10"
    lacking = written(tmp_path, "{id: a, metric: cac, inputs: {spend: 1}, expected: {cac: 0}, tolerance: 0}")
    assert run(lacking)[1][1] == "    InputError: inputs lacks new_customers"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("examples: [", "is not YAML"),
        ("- a", "no list “examples”"),
        ("examples: [7]", "Example 1 is not a map"),
        ("examples: [{id: a, metric: nps, inputs: {}, expected: {}}]", r"Example 1 \(a\) lacks tolerance"),
        ("examples: [{metric: nps, tolerance: 0}]", "Example 1 lacks id, inputs, expected"),
        ("examples: [{id: a, metric: nps, inputs: 1, expected: {}, tolerance: 0}]", "inputs is not a map"),
        ("examples: [{id: a, metric: nps, inputs: {}, expected: {}, tolerance: -1}]", "tolerance -1 is not"),
        ("examples: [{id: a, metric: nps, inputs: {}, expected: {}, tolerance: wide}]", "'wide' is not"),
        ("examples: [&x {id: a, metric: nps, inputs: {}, expected: {}, tolerance: 0}, *x]", "used twice"),
    ],
)
def test_ce_3_a_file_that_cannot_be_read_is_refused_with_exit_2(tmp_path, text, said):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(CommandError, match=said) as refusal:
        call_command("check_examples", file)
    assert refusal.value.returncode == 2


def test_ce_3_other_refusals(tmp_path):
    for options, said in [
        ({"file": tmp_path / "none.yaml"}, "cannot be read"),
        ({"file": MORE, "only": "nobody"}, "has no example"),
        ({"file": MORE, "timezone": "Mars/Phobos"}, "no time zone"),
    ]:
        with pytest.raises(CommandError, match=said) as refusal:
            run(**options)
        assert refusal.value.returncode == 2


def test_ce_5_json_holds_exact_numbers_and_reasons():
    code, lines = run(MORE, json=True, only="contract-odd-days")
    document = json.loads("\n".join(lines))
    assert code == 0
    assert document["totals"] == {"passed": 1, "failed": 0, "unsupported": 0}
    assert document["definition_version"] == 0
    (entry,) = document["examples"]
    assert entry.pop("seconds") >= 0
    assert entry == {
        "id": "contract-odd-days",
        "metric": "contract_mrr",
        "variant": "default",
        "route": "formulas",
        "result": "pass",
        "got": {"mrr": "1348.52216749"},
        "expected": {"mrr": 1348.52},
        "tolerance": 0.005,
        "differences": [],
        "reason": "",
    }
    missing = json.loads("\n".join(run(MORE, json=True, only="quick-no-losses")[1]))["examples"][0]
    assert (missing["got"], missing["reason"]) == ({"quick_ratio": None}, "no_losses")
    rows = json.loads("\n".join(run(MORE, json=True, only="waterfall")[1]))["examples"][0]
    assert (rows["route"], rows["got"]["rows"][1]["customers"]) == ("rows", "2")


def test_numbers_days_and_keys_are_read_as_they_are_written(tmp_path):
    file = written(
        tmp_path,
        "{id: a, metric: m, tolerance: 1e-9, expected: {}, inputs:"
        " {price: 0.1, day: 2024-01-02, month: 2024-01, time: 12:30, at: 2024-01-02T03:04:05, big: 1_000,"
        " counts: {5: 1, no: 2, 2024-03: 3}, flag: yes, part: 5/12}}",
    )
    (example,) = reader.read(file)
    assert example.tolerance == Decimal("0.000000001")
    assert example.inputs == {
        "price": Decimal("0.1"),
        "day": "2024-01-02",
        "month": "2024-01",
        "time": "12:30",
        "at": "2024-01-02T03:04:05",
        "big": 1000,
        "counts": {"5": 1, "no": 2, "2024-03": 3},
        "flag": True,
        "part": "5/12",
    }


def test_ct_1_to_ct_4_what_counts_as_equal():
    def differs(got, expected, tolerance="0"):
        return [one.path for one in compare.differences(got, expected, Decimal(tolerance))]

    assert differs({"a": Decimal("1.004"), "b": 3}, {"a": 1}, "0.004") == []
    assert differs({"a": Decimal("1.0041")}, {"a": 1}, "0.004") == ["a"]
    assert differs({"a": None}, {"a": None}) == []
    assert differs({"a": None}, {"a": 0}) == ["a"]
    assert differs({"a": True}, {"a": 1}, "5") == ["a"]
    assert differs({"a": 1}, {"a": True}, "5") == ["a"]
    assert differs({"a": "1"}, {"a": 1}, "5") == ["a"]
    assert differs({"a": [1, 2]}, {"a": [1]}) == ["a.length"]
    assert differs({"a": [1, {"b": "x"}]}, {"a": [1, {"b": "y", "c": 1}]}) == ["a[1].b", "a[1].c"]
    assert differs({"a": 1}, {"a": [1], "b": {"c": 1}}) == ["a", "b"]
    assert differs({"b": 5}, {"b": {"c": 1}}) == ["b"]


def test_numbers_are_shown_plainly():
    assert digits(Decimal("1E+3")) == "1000"
    assert digits(Decimal("-0.00")) == "0"
    assert shown({"a": [None, True, Decimal("0.50"), "x", 3]}) == "{a: [null, true, 0.5, x, 3]}"


def test_inputs_name_what_is_wrong():
    inputs = Inputs({"a": "x", "b": True, "c": Decimal("1.5"), "d": "2024-13", "e": 1, "f": "NaN"})
    for read in (
        lambda: inputs.number("a"),
        lambda: inputs.number("b"),
        lambda: inputs.whole("c"),
        lambda: inputs.month("d"),
        lambda: inputs.items("e"),
        lambda: inputs.number("f"),
    ):
        with pytest.raises(InputError, match="inputs"):
            read()


def events(*listed):
    return [Inputs(event) for event in listed]


START = {"at": "2024-01-01", "type": "start", "customer": "A", "sub": "s", "amount": 10, "interval": "month"}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (START, "starts twice"),
        ({"at": "2024-02-01", "type": "cancel", "sub": "x", "effective": "immediate"}, "has not started"),
        ({"at": "2024-02-01", "type": "cancel", "sub": "s", "effective": "soon"}, "immediate or period_end"),
        ({"at": "2024-02-01", "type": "status", "sub": "s", "status": "lost"}, "unknown status"),
    ],
)
def test_events_that_make_no_sense_are_refused(event, said):
    with pytest.raises(InputError, match=said):
        timeline.timelines(events(START, event))


def test_discounts_with_different_ends_cut_the_line():
    start = START | {
        "discounts": [
            {"type": "percent", "value": 10, "until": "2024-02-01"},
            {"type": "percent", "value": 5, "until": "2024-03-01"},
            {"type": "fixed", "value": 1, "until": "2024-03-01"},
        ]
    }
    (line,) = timeline.timelines(events(start))
    found = timeline.versions(line)
    assert [(one.from_on, one.to_on) for one in found] == [
        (date(2024, 1, 1), date(2024, 2, 1)),
        (date(2024, 2, 1), date(2024, 3, 1)),
        (date(2024, 3, 1), None),
    ]
    assert found[0].fields["discount_amount"] == Decimal("2.45")
    assert (found[1].fields["discount_percent"], found[1].fields["discount_amount"]) == (5, 1)
    assert (found[2].fields["discount_percent"], found[2].fields["discount_amount"]) == (None, None)
    with pytest.raises(InputError, match="percent or fixed"):
        timeline.timelines(events(START | {"discounts": [{"type": "gift", "value": 1}]}))


def test_lasting_and_passing_discounts_together_are_two_lines_that_sum_to_one():
    discounts = [{"type": "percent", "value": 10, "until": "2024-02-01"}, {"type": "fixed", "value": 1}]
    (line,) = timeline.timelines(events(START | {"discounts": discounts}))
    running, standing = (timeline.versions(line, part) for part in line.parts)
    assert [one.fields["amount"] for one in running] == [9, 9]
    assert [one.fields["discount_amount"] for one in running] == [1, None]
    assert {(one.fields["amount"], one.fields["discount_amount"]) for one in standing} == {(1, 1)}
