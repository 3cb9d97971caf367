"""What a map can say: values worked out, words translated, rows chosen; and how it is refused."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from customers.connectors.maps import MapError, map_of, read_map
from customers.models import Customer, ExternalId, ImportBatch, LineVersion, Ticket, UsageEvent
from tests.factories.customers import make_customer

DOCS = Path(__file__).resolve().parents[2] / "docs"
pytestmark = pytest.mark.django_db


@pytest.fixture
def bring(tmp_path):
    """Import a text under a map by the command; returns the exit code and the JSON answer."""

    def run(kind, content, mapping, *more):
        path, said = tmp_path / "file.csv", tmp_path / "map.yaml"
        path.write_text(content)
        said.write_text(mapping)
        out = StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("import", kind, str(path), "--map", str(said), "--json", *more, stdout=out)
        return ended.value.code, json.loads(out.getvalue())

    return run


@pytest.fixture
def larch():
    return make_customer(name="Larch", external_ids={"import": "k1"})


def reasons(answer):
    return [(error["row"], error["column"], error["value"], error["reason"]) for error in answer["errors"]]


def names():
    return sorted(Customer.objects.values_list("name", flat=True))


def test_words_are_translated_and_a_word_without_translation_is_named(bring):
    content = "id,land,mood\nk1,Deutschland,gut\nk2,Norge,\nk3,Mordor,egal\n"
    mapping = "customer_id: id\ncountry: {column: land, words: {Deutschland: DE, Norge: NO}}\n"
    code, answer = bring("customers", content, mapping, "--skip-bad")
    assert (code, reasons(answer)) == (1, [(4, "land", "Mordor", "has no translation in the map")])
    assert sorted(Customer.objects.values_list("country", flat=True)) == ["DE", "NO"]
    more = "tier: {column: mood, words: {gut: A, egal: }, other: B, default: C}\n"
    content = content.replace("Mordor", "Norge")
    assert bring("customers", content, mapping + more)[0] == 0
    tiers = dict(ExternalId.objects.values_list("value", "customer__tier"))
    assert tiers == {"k1": "A", "k2": "C", "k3": "C"}


def test_constants_of_the_map_hold_for_all_rows_and_set_wins(bring, larch):
    mapping = "customer_id: id\nstart_date: {value: 2025-01-01}\ncurrency: {value: EUR}\nmrr: {value: '5'}\n"
    assert bring("subscriptions", "id\nk1\n", mapping, "--set", "currency=USD")[0] == 0
    version = LineVersion.objects.get()
    assert (version.from_on, version.currency, version.mrr) == (date(2025, 1, 1), "USD", 5)


def test_words_for_nothing_are_empty_cells(bring):
    content = "customer_id,name,tier,region\nk1,N/A,?,?\n"
    mapping = 'name: name\nregion: {column: region, empty: ["-"]}\nempty: ["?", "N/A"]\n'
    assert bring("customers", content, mapping)[0] == 0
    customer = Customer.objects.get()
    assert (customer.name, customer.tier, customer.region) == ("Customer k1", "", "")


def test_cells_are_joined_and_the_first_filled_one_taken(bring):
    content = "site,no,first,last,alias\nde,1,Ada,Byron,\nde,2,,Babbage,Cab\n"
    mapping = 'customer_id: {columns: [site, no], join: "-"}\nname: {first_of: [alias, last]}\n'
    mapping += 'segment: {columns: [first, last], join: " "}\n'
    assert bring("customers", content, mapping)[0] == 0
    found = set(ExternalId.objects.values_list("value", "customer__name", "customer__segment"))
    assert found == {("de-1", "Byron", "Ada Byron"), ("de-2", "Cab", "Babbage")}


def test_numbers_are_worked_out_exactly_in_the_writing_of_the_file(bring, larch):
    content = 'customer_id,gross,tax\nk1,"1.100,10","100,1"\n'
    mapping = "mrr: {column: gross, times: 0.5, minus: {column: tax}}\nquantity: {value: 6, minus: 2}\n"
    mapping += 'start_date: {value: 2025-01-01}\ncurrency: {value: EUR}\ndecimal: ","\nthousands: "."\n'
    code, answer = bring("subscriptions", content, mapping)
    assert (code, answer["errors"]) == (0, [])
    version = LineVersion.objects.get()
    assert (version.mrr, version.quantity) == (Decimal("449.95"), 4)


def test_an_amount_that_comes_out_negative_is_a_credit(bring, larch):
    content = "customer_id,start_date,gross,tax\nk1,2025-01-01,-100,-10\nk1,2025-02-01,,5\n"
    mapping = "mrr: {column: gross, minus: {column: tax}}\ncurrency: {value: EUR}\n"
    code, answer = bring("subscriptions", content, mapping, "--skip-bad")
    assert (code, answer["rejected"]) == (1, 2)
    credit = (2, "gross", "-100", "is negative, a credit or a refund")
    assert reasons(answer) == [credit, (3, "gross", "", "is empty")]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("{value: 2024-03-31, earlier: {column: n, unit: months}}", date(2024, 2, 29)),
        ("{value: 2024-03-31, earlier: {column: n, unit: years}}", date(2023, 3, 31)),
        ("{column: last, later: {value: 1, unit: days}}", date(2024, 5, 2)),
        ("{column: last, later: {value: 2, unit: weeks}}", date(2024, 5, 15)),
    ],
)
def test_days_are_shifted_by_a_column_or_a_number(bring, larch, spec, expected):
    mapping = f"mrr: {{value: 5}}\ncurrency: {{value: EUR}}\nstart_date: {spec}\n"
    assert bring("subscriptions", "customer_id,n,last\nk1,1,2024-05-01\n", mapping)[0] == 0
    assert LineVersion.objects.get().from_on == expected


def test_a_shift_that_cannot_be_made_is_a_problem_of_its_row(bring, larch):
    mapping = "mrr: {value: 5}\ncurrency: {value: EUR}\n"
    mapping += "start_date: {value: 2024-05-01, earlier: {column: n, unit: months}}\n"
    content = "customer_id,n\nk1,1.5\nk1,x\nk1,999999\nk1,\n"
    _, answer = bring("subscriptions", content, mapping)
    assert [error["row"] for error in answer["errors"]] == [2, 3, 4, 5]
    assert [error["reason"] for error in answer["errors"]] == [
        "1.5 is no whole number of months",
        "is no plain number",
        "leads outside the calendar",
        "is empty",
    ]


def test_moments_are_shifted_by_the_clock_and_days_may_be_written_their_own_way(bring, larch):
    content = "ticket_id,customer_id,at,minutes,end\nt1,k1,2025-03-01 23:50,74,02/03/2025 3:05\n"
    mapping = "opened_at: at\nsolved_at: {column: end, date_format: DD/MM/YYYY}\n"
    mapping += "first_response_at: {column: at, later: {column: minutes, unit: minutes}}\n"
    assert bring("tickets", content, mapping)[0] == 0
    ticket = Ticket.objects.get()
    assert ticket.first_response_at == datetime(2025, 3, 2, 1, 4, tzinfo=UTC)
    assert ticket.solved_at == datetime(2025, 3, 2, 3, 5, tzinfo=UTC)


def test_a_customer_is_looked_up_in_a_file_beside(bring, larch, tmp_path):
    (tmp_path / "subs.csv").write_text("sub,owner\ns1,k1\ns1,k1\n")
    content = "sub,day\ns1,2025-06-01\ns2,2025-06-01\n"
    mapping = "customer_id: {column: sub, lookup: {file: subs.csv, by: sub, take: owner}}\nday: day\n"
    code, answer = bring("usage", content, mapping, "--skip-bad")
    assert (code, reasons(answer)) == (1, [(3, "sub", "s2", "is not found in subs.csv")])
    assert UsageEvent.objects.get().customer == larch
    (tmp_path / "subs.csv").write_text("sub,owner\ns1,k1\ns1,k2\n")
    assert "stands twice" in bring("usage", content, mapping)[1]["errors"][0]["reason"]
    (tmp_path / "subs.csv").write_text("sub,who\ns1,k1\n")
    assert "no column “owner”" in bring("usage", content, mapping)[1]["errors"][0]["reason"]
    (tmp_path / "subs.csv").unlink()
    assert bring("usage", content, mapping)[0] == 2


def test_rows_are_chosen_by_their_words_and_the_others_are_listed_as_left_out(bring):
    content = "customer_id,state,name\nk1,live,One\nk2,test,Two\nk3,,Three\nk4,live,Four\n"
    code, answer = bring("customers", content, "name: name\nonly: {column: state, is: live}\n")
    assert (code, answer["rows"], answer["created"], names()) == (0, 2, 2, ["Four", "One"])
    assert answer["left_out"] == [{"reason": "state is not live", "rows": 2, "first": [3, 4]}]
    rules = 'name: name\nonly:\n- {column: state, is_not: [test, ""]}\n- {column: name, is_not: One}\n'
    _, answer = bring("customers", content, rules)
    assert [(item["reason"], item["rows"]) for item in answer["left_out"]] == [
        ("state is test or empty", 2),
        ("name is One", 1),
    ]
    assert (answer["rows"], answer["unchanged"]) == (1, 1)
    assert ImportBatch.objects.get(pk=answer["batch"]).mapping["only"][1] == {
        "column": "name",
        "is_not": ["One"],
    }


def test_of_several_rows_about_one_thing_the_latest_counts(bring, larch):
    content = (
        "no,who,at,n,again\nt1,k1,1/3/2025 9:00,2,1\nt2,k1,2/3/2025 9:00,1,0\nt1,k1,1/3/2025 9:00,10,3\n"
    )
    content += "t1,k1,1/3/2025 9:00,9,2\n"
    mapping = "ticket_id: no\ncustomer_id: who\nopened_at: at\nreopened: again\ndate_format: DD/MM/YYYY\n"
    _, answer = bring("tickets", content, mapping + "latest: {per: no, by: n}\n")
    assert dict(Ticket.objects.values_list("source_key", "reopened")) == {"t1": 3, "t2": 0}
    assert answer["left_out"] == [{"reason": "a later row has the same no", "rows": 2, "first": [2, 5]}]
    assert answer["rows"] == 2
    _, answer = bring("tickets", content, mapping + "latest: {per: [no, who]}\n")
    assert (answer["updated"], answer["unchanged"]) == (1, 1)
    _, answer = bring("tickets", content, mapping + "earliest: {per: no, by: n}\n")
    assert dict(Ticket.objects.current().values_list("source_key", "reopened")) == {"t1": 1, "t2": 0}
    assert answer["left_out"] == [{"reason": "an earlier row has the same no", "rows": 2, "first": [4, 5]}]
    _, answer = bring("tickets", content, mapping + "latest: {per: no, by: who}\n")
    assert answer["errors"][0]["reason"] == "cannot be put in order"


def test_blanks_may_separate_columns_and_a_file_may_have_no_header(bring):
    assert (
        bring(
            "customers", "  id  name \n 007   Larch\n\n 008\tFir\n", "customer_id: id\ndelimiter: spaces\n"
        )[0]
        == 0
    )
    assert names() == ["Fir", "Larch"]
    mapping = "customer_id: id\nheader: [id, name]\n"
    _, answer = bring("customers", "009,Oak\n010,Elm,x\n", mapping, "--skip-bad")
    assert (answer["rows"], reasons(answer)) == (2, [(2, "", "3 cells", "the row has 3 cells, the header 2")])
    assert names() == ["Fir", "Larch", "Oak"]


def test_days_without_signs_between_need_all_their_digits(bring, larch):
    mapping = "mrr: {value: 5}\ncurrency: {value: EUR}\nstart_date: day\ndate_format: YYYYMMDD\n"
    code, answer = bring("subscriptions", "customer_id,day\nk1,19970112\nk1,1997112\n", mapping, "--skip-bad")
    assert (code, reasons(answer)) == (1, [(3, "day", "1997112", "is not written as YYYYMMDD")])
    assert LineVersion.objects.get().from_on == date(1997, 1, 12)


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("name: {column: label, words: {a: b}}", "there is no such column for the field name"),
        ("nome: {column: name, default: x}", "is no field of customers"),
        ("only: {column: state, is: x}", "there is no such column for a rule of the map"),
        ("latest: {per: customer_id, by: at}", "there is no such column for a rule of the map"),
        ("name: a\nname: b", "cannot be read"),
        ("name: [a, b]", "is given a list"),
        ("name: {column: a, value: b}", "has column and value"),
        ("name: {words: {a: b}}", "has no source"),
        ("name: {columns: [a, b]}", "needs columns and join together"),
        ("name: {column: a, other: b}", "has other without words"),
        ("name: {column: a, wrods: {a: b}}", "unknown word “wrods”"),
        ("name: {column: a, words: [a, b]}", "is not a list of “name: value”"),
        ("name: {column: a, times: two}", "times is “two”"),
        ("name: {column: a, minus: {row: 3}}", "unknown word “row”"),
        ("name: {column: a, later: {value: 1, unit: moons}}", "needs a column or a value, and a unit"),
        ("name: {column: a, lookup: {file: b.csv}}", "needs file, by and take"),
        ("name: {column: a, lookup: {file: ../b.csv, by: a, take: b}}", "names “../b.csv”"),
        ("only: {column: a}", "only needs a column and either is or is_not"),
        ("latest: {by: a}", "latest needs per"),
        ("latest: {per: a}\nearliest: {per: a}", "has latest and earliest"),
        ("empty: []", "is an empty list"),
        ("delimiter: [a]", "is one word"),
        ("header: [a, [b]]", "needs one word"),
        ("name: {column: }", "needs one word"),
    ],
)
def test_a_map_that_makes_no_sense_is_refused_in_words(bring, mapping, says):
    code, answer = bring(
        "customers", "customer_id,name\nk1,Larch\n", f"customer_id: customer_id\n{mapping}\n"
    )
    assert (code, answer["batch"]) == (2, None)
    assert any(says in error["reason"] for error in answer["errors"]), answer["errors"]
    assert all(error["fix"] for error in answer["errors"])
    assert names() == []


def test_a_field_cannot_be_worked_out_and_set_for_all_rows(bring):
    mapping = "customer_id: customer_id\nname: {column: name, default: x}\n"
    code, answer = bring("customers", "customer_id,name\nk1,Larch\n", mapping, "--set", "name=y")
    assert (code, answer["errors"][0]["column"]) == (2, "name")


def test_scalars_of_a_map_are_text():
    with pytest.raises(MapError):
        map_of({"name": {"column": 5}})


@pytest.mark.parametrize("path", sorted(DOCS.glob("imports/*.yaml")), ids=lambda path: path.stem)
def test_every_map_of_the_documentation_can_be_read(path):
    assert read_map(path).fields or read_map(path).specs


def test_the_map_of_the_documentation_is_one(tmp_path):
    text = (DOCS / "imports.md").read_text().split("```yaml\n")[1].split("```")[0]
    (tmp_path / "map.yaml").write_text(text)
    said = read_map(tmp_path / "map.yaml")
    assert (said.options["header"], said.constants) == (["id", "day", "amount"], {"currency": "EUR"})
    assert said.latest == {"per": ["ticket_id"], "by": "updated_at"}
