"""Past answers from files: scale, person and day are kept, the second file changes nothing, and an undo takes them out."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from customers.connectors.table import Columns
from customers.models import CustomerSummary, FollowUp, ImportBatch, StaleMark
from customers.services.imports.run import Request, run_import
from customers.services.imports.undo import undo_import
from metrics.formulas.periods import month_period
from metrics.queries import answers
from surveys.choices import ResponseStatus
from surveys.models import Response, ResponseEvent, ResponseRevision
from surveys.services.summaries import publish_answers
from tests.factories.customers import make_contact, make_customer

pytestmark = pytest.mark.django_db
UTC_ZONE = ZoneInfo("UTC")
HEAD = "answered_at,kind,score,customer_id,contact_email,comment\n"
FILE = (
    HEAD + "2026-03-01T10:00:00Z,nps,10,k1,ada@k1.example,Great\n"
    "2026-03-02,nps,3,k1,bo@k1.example,\n"
    "2026-03-02,nps,9,,,\n"
    "2026-03-03,csat,5,k2,,\n"
    "2026-03-04,ces,6,,cy@k2.example,\n"
)


@pytest.fixture
def bring(tmp_path, now):
    """Import a text as a file of answers and return the outcome."""

    def run(content, *, by=None, constants=None, **more):
        path = tmp_path / "file.csv"
        path.write_text(content)
        columns = Columns(constants=constants or {})
        request = Request(kind="responses", path=path, file_name="file.csv", columns=columns, **more)
        return run_import(request=request, by=by, now=now)

    return run


@pytest.fixture
def people():
    first, second = (make_customer(name=name, external_ids={"import": name}) for name in ("k1", "k2"))
    return [
        make_contact(first, "ada@k1.example"),
        make_contact(first, "bo@k1.example"),
        make_contact(second, "cy@k2.example"),
    ]


def counts(outcome):
    assert outcome.problems == [] or outcome.rejected
    return (outcome.counts.created, outcome.counts.updated, outcome.counts.unchanged, outcome.rejected)


def test_answers_keep_person_kind_and_day(bring, people):
    assert counts(bring(FILE)) == (5, 0, 0, 0)
    found = Response.objects.counted().order_by("answered_at", "pk")
    assert list(found.values_list("kind", "score", "customer__name", "contact__email", "channel")) == [
        ("nps", 10, "k1", "ada@k1.example", "import"),
        ("nps", 3, "k1", "bo@k1.example", "import"),
        ("nps", 9, None, None, "import"),
        ("csat5", 5, "k2", None, "import"),
        ("ces7", 6, "k2", "cy@k2.example", "import"),
    ]
    assert found[0].comment == "Great"
    assert found[0].first_answered_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert ResponseRevision.objects.count() == 5
    assert not FollowUp.objects.exists()
    assert StaleMark.objects.filter(cause="survey answer", from_day=date(2026, 3, 1)).exists()


def test_every_survey_metric_counts_them(bring, people):
    bring(FILE)
    march = month_period(date(2026, 3, 1))
    nps = answers.nps_at(date(2026, 3, 16), zone=UTC_ZONE)
    assert (nps.n, nps.hits, nps.misses) == (3, 2, 1)
    assert answers.csat_in(march, zone=UTC_ZONE).result.value == 100
    assert answers.ces_in(march, zone=UTC_ZONE).n == 1
    publish_answers(customer_ids=[person.customer_id for person in people])
    assert CustomerSummary.objects.get(customer=people[0].customer).last_nps == 3


def test_the_same_file_twice_changes_nothing_and_another_score_is_a_revision(bring, people):
    bring(FILE)
    assert counts(bring(FILE)) == (0, 0, 5, 0)
    assert counts(bring(FILE.replace("nps,3,", "nps,8,"))) == (0, 1, 4, 0)
    bo = Response.objects.get(contact=people[1])
    assert (bo.score, bo.revision) == (8, 2)
    assert list(bo.revisions.order_by("number").values_list("score", flat=True)) == [3, 8]


def test_equal_answers_of_one_moment_are_counted_each(bring, people):
    rows = "2026-03-02,nps,9,k1,,\n" * 3 + "2026-03-02,nps,1,k1,,\n"
    assert counts(bring(HEAD + rows)) == (4, 0, 0, 0)
    assert counts(bring(HEAD + rows)) == (0, 0, 4, 0)
    assert counts(bring(HEAD + rows + "2026-03-02,nps,5,k1,,\n")) == (1, 0, 4, 0)


def test_hundreds_of_answers_are_written_changed_and_taken_back(bring, people, now):
    rows = [f"2026-03-02,nps,{number % 11},k1,,{number}\n" for number in range(500)]
    assert counts(bring(HEAD + "".join(rows))) == (500, 0, 0, 0)
    changed = [row.replace("nps,10,", "nps,9,").replace("nps,0,", "nps,1,") for row in rows]
    assert counts(bring(HEAD + "".join(changed))) == (0, 91, 409, 0)
    assert ResponseRevision.objects.count() == 591
    for batch in ImportBatch.objects.order_by("-pk"):
        assert undo_import(batch=batch, by=None, now=now).conflicts == []
    assert not Response.objects.counted().exists()
    assert counts(bring(HEAD + "".join(rows))) == (500, 0, 0, 0)


def test_an_id_of_the_survey_tool_names_the_answer(bring, people):
    head = "answered_at,kind,score,response_id\n"
    assert counts(bring(head + "2026-03-02,nps,9,007\n")) == (1, 0, 0, 0)
    assert counts(bring(head + "2026-03-03,nps,7,007\n")) == (0, 1, 0, 0)
    answer = Response.objects.get(external_id="007")
    assert (answer.score, answer.answered_at.day, answer.first_answered_at.day) == (7, 3, 3)
    twins = bring(head + "2026-03-03,nps,7,008\n2026-03-03,nps,8,008\n")
    assert "second row with this id" in twins.problems[0].reason


def test_another_scale_is_kept_and_never_pooled(bring, people):
    head = "answered_at,kind,score,customer_id,scale_min,scale_max\n"
    rows = "2026-03-02,nps,10,k1,1,10\n2026-03-02,csat,3,k1,1,10\n2026-03-02,csat,7,k1,1,7\n2026-03-02,nps,0,k1,,\n"
    assert counts(bring(head + rows)) == (4, 0, 0, 0)
    found = Response.objects.values_list("kind", "scale_min", "scale_max", "score")
    assert set(found) == {("nps", 1, 10, 10), ("csat", 1, 10, 3), ("csat7", 1, 7, 7), ("nps", 0, 10, 0)}
    nps = answers.nps_at(date(2026, 3, 16), zone=UTC_ZONE)
    assert (nps.n, nps.misses) == (1, 1)
    csat = answers.csat_in(month_period(date(2026, 3, 1)), zone=UTC_ZONE)
    assert (csat.n, csat.hits) == (1, 1)
    publish_answers(customer_ids=[people[0].customer_id])
    assert CustomerSummary.objects.get(customer=people[0].customer).last_nps == 0


def test_a_reversed_satisfaction_is_turned_and_a_reversed_effort_stays_apart(bring):
    head = "answered_at,kind,score\n"
    reverse = {"direction": "low_is_good", "scale_min": "1", "scale_max": "5"}
    bring(head + "2026-03-02,csat,1\n2026-03-02,csat,4\n2026-03-02,ces,1\n", constants=reverse)
    found = Response.objects.order_by("pk").values_list("kind", "score", "direction")
    assert list(found) == [
        ("csat5", 5, "high_is_good"),
        ("csat5", 2, "high_is_good"),
        ("ces", 1, "low_is_good"),
    ]
    assert ResponseRevision.objects.order_by("pk")[0].evidence == {"given_score": 1}
    assert answers.ces_in(month_period(date(2026, 3, 1)), zone=UTC_ZONE).n == 0


def test_an_answer_belongs_to_its_sending_day_or_else_to_its_own(bring):
    bring("answered_at,kind,score,sent_at\n2026-03-02,csat,5,2026-02-27\n2026-03-02,csat,1,\n")
    shares = [answers.csat_in(month_period(date(2026, month, 1)), zone=UTC_ZONE) for month in (2, 3)]
    assert [share.result.value for share in shares] == [Decimal(100), 0]


def test_answers_can_be_taken_back_and_imported_again(bring, people, now):
    bring(FILE)
    bring(FILE.replace("nps,3,", "nps,8,"))
    first, second = ImportBatch.objects.order_by("pk")
    assert undo_import(batch=second, by=None, now=now).rows == 1
    assert Response.objects.get(contact=people[1]).score == 3
    undone = undo_import(batch=first, by=None, now=now)
    assert (undone.rows, undone.conflicts) == (5, [])
    assert not Response.objects.counted().exists()
    assert ResponseEvent.objects.filter(kind="voided").count() == 5
    assert counts(bring(FILE)) == (5, 0, 0, 0)
    assert (Response.objects.count(), Response.objects.counted().count()) == (5, 5)


def test_an_answer_that_was_corrected_later_stays_when_its_batch_goes(bring, people, now):
    bring(FILE)
    bring(FILE.replace("nps,3,", "nps,8,"))
    undone = undo_import(batch=ImportBatch.objects.earliest("pk"), by=None, now=now)
    assert (undone.rows, len(undone.conflicts)) == (4, 1)
    assert Response.objects.counted().get().score == 8


def test_an_answer_judged_void_by_a_person_stays_void(bring, people, now, vera):
    bring(FILE)
    Response.objects.filter(contact=people[0]).update(status=ResponseStatus.VOID)
    assert counts(bring(FILE)) == (0, 0, 5, 0)
    assert Response.objects.get(contact=people[0]).status == ResponseStatus.VOID


@pytest.mark.parametrize(
    ("row", "column", "says"),
    [
        ("2026-03-02,nps,11,k1,,", "score", "lies outside the scale 0 to 10"),
        ("2026-03-02,csat,0,k1,,", "score", "lies outside the scale 1 to 5"),
        ("2026-03-02,nps,9.5,k1,,", "score", "no whole number"),
        ("2026-03-02,nps,-1,k1,,", "score", "no whole number"),
        ("2026-03-02,nps,,k1,,", "score", "is empty"),
        ("2026-03-02,ever,9,k1,,", "kind", "not one of the words"),
        ("2027-03-02,nps,9,k1,,", "answered_at", "lies in the future"),
        ("2026-03-02,nps,9,k9,,", "customer_id", "has this id"),
        ("2026-03-02,nps,9,k1,nobody@k1.example,", "contact_email", "is no contact of this customer"),
        ("2026-03-02,nps,9,,nobody@k1.example,", "contact_email", "is the address of no contact"),
        ("2026-03-02,nps,9,,both@k.example,", "contact_email", "contacts of several customers"),
    ],
)
def test_a_wrong_answer_is_named_and_the_others_may_come(bring, people, row, column, says):
    for person in (people[0], people[2]):
        make_contact(person.customer, "both@k.example")
    outcome = bring(f"{FILE}{row}\n")
    assert (outcome.is_refused, Response.objects.count()) == (True, 0)
    problem = outcome.problems[0]
    assert (problem.row, problem.column, bool(problem.fix)) == (7, column, True)
    assert says in problem.reason
    assert counts(bring(f"{FILE}{row}\n", may_skip_bad=True)) == (5, 0, 0, 1)


def test_scales_and_directions_that_cannot_be_are_named(bring):
    head = "answered_at,kind,score,scale_min,scale_max,direction,sent_at\n"
    rows = "2026-03-02,csat,1,5,1,,\n2026-03-02,nps,1,,,low_is_good,\n2026-03-02,nps,1,,,,2026-03-03\n"
    found = [(problem.row, problem.column) for problem in bring(head + rows).problems]
    assert found == [(2, "scale_max"), (3, "direction"), (4, "sent_at")]


def test_a_manager_imports_answers_of_the_customers_of_the_team_only(bring, people, mia):
    assert bring(FILE, by=mia).problems[0].column == "customer_id"
