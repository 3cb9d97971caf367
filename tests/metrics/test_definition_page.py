"""The definition pages: what is in force, drafts that live in the URL, their effect, publishing, old versions."""

from datetime import UTC, date, datetime

import pytest
from django.urls import reverse

from config.work.jobs import run
from config.work.models import AuditEntry, Job
from metrics import tasks  # noqa: F401 - registers the kinds of jobs
from metrics.formulas.definition import KEYS
from metrics.models import DefinitionVersion
from metrics.queries import definitions
from metrics.services import definition_previews
from metrics.services.definitions import draft_of, publish
from metrics.services.recompute import bring_up_to_date
from tests.factories.ledgers import make_payer, make_version

NOW = datetime(2025, 6, 16, 10, tzinfo=UTC)
pytestmark = pytest.mark.django_db
DRAFT, PUBLISH = reverse("metrics:definition_draft"), reverse("metrics:publish_definition")
PREVIEW = reverse("metrics:definition_preview")


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def larch():
    """Paid 100 a month until February 2025, paused since."""
    customer = make_payer()
    make_version(customer, date(2024, 1, 1), date(2025, 3, 1), "100")
    make_version(customer, date(2025, 3, 1), None, "100", status="paused")
    bring_up_to_date(as_of=NOW.date(), now=NOW)
    return customer


@pytest.fixture
def as_vera(client, vera):
    client.force_login(vera)
    return client


def text_of(response):
    return " ".join(response.content.decode().split())


def send(client, state="", **fields):
    return client.post(PUBLISH, {"draft": state, "seen": 0, "note": "as our old tool", **fields})


def test_everybody_reads_every_key_with_its_sentence(client, vic):
    client.force_login(vic)
    response = client.get(reverse("metrics:definition"))
    text = text_of(response)
    assert response.status_code == 200
    rows = [row for _, rows in response.context["groups"] for row in rows]
    assert [row.key.name for row in rows] == list(KEYS)
    assert all(row.key.sentence in response.content.decode().replace("&#x27;", "'") for row in rows[:5])
    assert "nobody has changed them" in text
    assert "New draft" not in text


@pytest.mark.parametrize("url", [DRAFT, PREVIEW])
def test_only_admins_draft(client, vera, mia, anna, vic, url):
    for user, status in ((vera, 200), (mia, 403), (anna, 403), (vic, 403)):
        client.force_login(user)
        assert client.get(url).status_code == status


def test_only_admins_publish(client, mia):
    client.force_login(mia)
    assert send(client, "csat_cut=5").status_code == 403
    assert not DefinitionVersion.objects.exists()


def test_a_preset_opens_a_draft_that_says_what_it_cannot_do(as_vera):
    response = as_vera.get(DRAFT, {"preset": "stripe"})
    text = text_of(response)
    assert {row.key for row in response.context["changes"]} == {
        "discount_policy", "usage_policy", "churn_recognition", "movement_grain", "logo_churn_formula",
        "trial_definition",
    }  # fmt: skip
    assert "Stripe cannot be reproduced in full." in text
    assert "its own rate source" in text
    assert definitions.current_number() == 0


def test_the_form_leads_to_the_shortest_address_of_its_draft(as_vera):
    form = as_vera.get(DRAFT, {"preset": "stripe"}).context["form"]
    sent = form.data | {"preset": "stripe", "csat_cut": "5", "usage_policy": "separate"}
    response = as_vera.get(DRAFT, sent)
    assert response.status_code == 302
    assert response.url == f"{DRAFT}?preset=stripe&usage_policy=separate&csat_cut=5"
    changed = {row.key: row.after for row in as_vera.get(response.url).context["changes"]}
    assert changed["csat_cut"] == "5"
    assert "usage_policy" not in changed


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"pause_policy": "maybe"}, "pause_policy", "zero, keep"),
        ({"gross_margin": "1.5"}, "gross_margin", "from 0 to 1"),
        ({"weekly_factor": "1/0"}, "weekly_factor", "above 0"),
        ({"restate": "perhaps"}, "restate", "true or false"),
        ({"csat_cut": ""}, "csat_cut", "needs a value"),
        ({"logo_level": "parent"}, "logo_level", "cannot be computed yet"),
        ({"colour": "red"}, "__all__", "no key"),
        ({"preset": "sap"}, "preset", "sap"),
    ],
)
def test_k_1_what_does_not_fit_is_named_beside_its_field(as_vera, given, field, words):
    response = as_vera.get(DRAFT, given)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert words in str(response.context["form"].errors[field])
    assert as_vera.get(PREVIEW, given).status_code == 200


def test_two_errors_are_both_named(as_vera):
    response = as_vera.get(DRAFT, {"pause_policy": "maybe", "csat_cut": "-1"})
    assert set(response.context["form"].errors) == {"pause_policy", "csat_cut"}


def test_the_preview_shows_twelve_months_before_and_after(as_vera, larch):
    response = as_vera.get(PREVIEW, {"pause_policy": "keep"}, headers={"HX-Request": "true"})
    rows = {row.key: row for row in response.context["changed"]}
    assert len(response.context["months"]) == 12
    before, after = rows["closing"].before, rows["closing"].after
    assert [cell.text for cell in before[7:]] == ["€100.00", "€100.00", "€0.00", "€0.00", "€0.00"]
    assert [(cell.text, cell.differs) for cell in after[8:]] == [("€100.00", False), *[("€100.00", True)] * 3]
    assert "<!doctype" not in response.content.decode().lower()
    assert not DefinitionVersion.objects.exists()


def test_with_many_customers_a_worker_makes_the_preview(as_vera, larch, monkeypatch):
    monkeypatch.setattr(definition_previews, "AT_ONCE", 0)
    url = f"{PREVIEW}?pause_policy=keep"
    assert "Work out the effect" in text_of(as_vera.get(url))
    assert as_vera.post(url).url == f"{DRAFT}?pause_policy=keep"
    as_vera.post(url)
    job = Job.objects.get(kind=definition_previews.JOB_KIND)
    assert "Waiting for a worker" in text_of(as_vera.get(url))
    run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result_url) == ("done", f"{DRAFT}?pause_policy=keep")
    rows = {row.key: row for row in as_vera.get(url).context["changed"]}
    assert (rows["closing"].after[-1].text, rows["closing"].after[-1].differs) == ("€100.00", True)


def test_g_11_publishing_makes_a_version_starts_the_recompute_and_is_audited(as_vera, vera, larch):
    response = send(as_vera, "pause_policy=keep")
    assert response.url == reverse("metrics:definition")
    version = DefinitionVersion.objects.get()
    assert (version.number, version.note, version.published_by) == (1, "as our old tool", vera)
    page = as_vera.get(response.url)
    assert list(page.context["jobs"]) == [Job.objects.get()]
    assert "as our old tool" in text_of(page)
    assert AuditEntry.objects.filter(action="definition.published").count() == 1


def test_who_may_not_see_the_job_reads_that_figures_are_counted_again(client, vera, vic, larch):
    publish(draft=draft_of(values={"pause_policy": "keep"}), by=vera, now=NOW)
    client.force_login(vic)
    assert "being counted again" in text_of(client.get(reverse("metrics:definition")))


@pytest.mark.parametrize(
    ("state", "fields", "words"),
    [
        ("csat_cut=5", {"note": ""}, "This field is required"),
        ("csat_cut=5", {"seen": 3}, "was published while"),
        ("", {}, "in force already"),
        ("csat_cut=x", {}, "csat_cut cannot be"),
        ("csat_cut=5", {"seen": "x"}, "whole number"),
    ],
)
def test_what_cannot_be_published_says_why(as_vera, state, fields, words):
    response = send(as_vera, state, **fields)
    assert response.status_code == 422
    assert not DefinitionVersion.objects.exists()
    assert words in text_of(response)


def test_old_versions_stay_readable_with_their_differences(client, vera, vic):
    publish(draft=draft_of(values={"csat_cut": "5"}), by=vera, now=NOW, note="stricter")
    publish(draft=draft_of(values={"gross_margin": "0.8"}), by=vera, now=NOW, preset="stripe")
    client.force_login(vic)
    url = "metrics:definition_version"
    first = client.get(reverse(url, args=[1]))
    assert [(row.key, row.before, row.after) for row in first.context["changes"]] == [("csat_cut", "4", "5")]
    second = client.get(reverse(url, args=[2]))
    assert [row.key for row in second.context["changes"]] == ["gross_margin"]
    assert "in force" in text_of(second)
    assert client.get(reverse(url, args=[0])).status_code == 200
    assert client.get(reverse(url, args=[3])).status_code == 404


def test_the_page_takes_the_same_queries_whatever_the_versions(as_vera, vera, django_assert_max_num_queries):
    for cut in "51515":
        publish(draft=draft_of(values={"csat_cut": cut}), by=vera, now=NOW)
    with django_assert_max_num_queries(16):
        as_vera.get(reverse("metrics:definition"))
