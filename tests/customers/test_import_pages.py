"""The import page: file, columns, dry run, import, batch, undo; who may open it; what it says about bad files."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from config.work import jobs
from config.work.models import Job
from customers import tasks
from customers.models import Customer, ExternalId, ImportBatch, LineVersion
from tests.factories.customers import make_customer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files_folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def upload(client, content, kind="customers", **more):
    file = SimpleUploadedFile("people.csv", content if isinstance(content, bytes) else content.encode())
    values = {"file": file, "kind": kind, "source": "import", **more}
    return client.post(reverse("customers:imports"), values)


def run_jobs():
    for pk in jobs.due_ids():
        jobs.run(pk)


def page(client, batch):
    return client.get(reverse("customers:import_batch", args=[batch.pk]))


def act(client, name, batch, **values):
    return client.post(reverse(f"customers:{name}", args=[batch.pk]), values, follow=True)


def test_file_goes_through_its_steps_to_a_batch_that_can_be_taken_back(client, vera):
    client.force_login(vera)
    assert upload(client, "acc,Name,shoe\nc1,Larch,44\n").status_code == 302
    batch = ImportBatch.objects.get()
    shown = page(client, batch).content.decode()
    assert "Larch" in shown
    assert "Match columns" in shown
    act(client, "import_mapping", batch, column_0="customer_id", column_1="name")
    assert Job.objects.get().kind == tasks.batches.CHECK
    assert "job-progress" in page(client, batch).content.decode()
    run_jobs()
    batch.refresh_from_db()
    assert (batch.state, batch.created, Customer.objects.count()) == ("checked", 1, 0)
    act(client, "import_commit", batch)
    run_jobs()
    batch.refresh_from_db()
    assert (batch.state, ExternalId.objects.get().customer.name) == ("applied", "Larch")
    assert Job.objects.last().result_url == reverse("customers:import_batch", args=[batch.pk])
    act(client, "import_undo", batch)
    run_jobs()
    batch.refresh_from_db()
    assert (batch.state, Customer.objects.get().archived_at is None) == ("undone", False)


def test_mapping_is_remembered_for_the_next_file_of_the_source(client, vera):
    client.force_login(vera)
    make_customer(external_ids={"import": "c1"})
    upload(client, "acc;von;betrag\nc1;31/01/2025;1.234,50\n", kind="subscriptions", delimiter="semicolon")
    first = ImportBatch.objects.get()
    act(
        client,
        "import_mapping",
        first,
        column_0="customer_id",
        column_1="start_date",
        column_2="mrr",
        constant_0="currency",
        value_0="EUR",
        date_format="DD/MM/YYYY",
        number_format="point-comma",
    )
    run_jobs()
    act(client, "import_commit", first)
    run_jobs()
    assert str(LineVersion.objects.get().mrr) == "1234.50000000"
    upload(client, "acc;von;betrag\nc1;31/01/2025;1.234,50\n", kind="subscriptions", delimiter="semicolon")
    second = ImportBatch.objects.last()
    form = page(client, second).context["form"]
    assert [form[f"column_{n}"].value() for n in range(3)] == ["customer_id", "start_date", "mrr"]
    assert (form["date_format"].value(), form["number_format"].value()) == ("DD/MM/YYYY", "point-comma")
    assert (form["constant_0"].value(), form["value_0"].value()) == ("currency", "EUR")


def test_bad_rows_are_listed_downloadable_and_left_out_only_with_consent(client, vera):
    client.force_login(vera)
    upload(client, "customer_id,name,country\nc1,=1+1,DE\nc2,Beech,UK\n")
    batch = ImportBatch.objects.get()
    act(client, "import_mapping", batch, column_0="customer_id", column_1="name", column_2="country")
    run_jobs()
    shown = page(client, batch).content.decode()
    assert "Use GB" in shown
    problems = client.get(reverse("customers:import_errors", args=[batch.pk])).getvalue().decode("utf-8-sig")
    assert problems.splitlines()[1] == "3,country,UK,is no country code of ISO 3166,Use GB."
    rejected = (
        client.get(reverse("customers:import_rejected", args=[batch.pk])).getvalue().decode("utf-8-sig")
    )
    assert rejected.splitlines() == ["customer_id,name,country", "c2,Beech,UK"]
    refused = act(client, "import_commit", batch)
    assert "cannot be imported" in refused.content.decode()
    assert Customer.objects.count() == 0
    act(client, "import_commit", batch, skip_bad="1")
    run_jobs()
    assert [customer.name for customer in Customer.objects.all()] == ["=1+1"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04rest", "Excel workbook"),
        ("customer_id,name\nc1,Bäcker\n".encode("latin-1"), "UTF-8"),
        (b"\xef\xbb\xbf", "empty"),
        ("customer_id;name\nc1;a\n", "separated by semicolon"),
    ],
)
def test_file_that_cannot_be_read_is_refused_beside_the_field(client, vera, tmp_path, content, says):
    client.force_login(vera)
    answer = upload(client, content)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert ImportBatch.objects.count() == 0
    assert list((tmp_path / "imports").iterdir()) == []


def test_file_above_the_limit_is_refused_and_not_kept(client, vera, settings, tmp_path):
    settings.IMPORT_MAX_BYTES = 10
    client.force_login(vera)
    assert upload(client, "customer_id\n" + "c1\n" * 20).status_code == 422
    assert list((tmp_path / "imports").iterdir()) == []


def test_two_columns_for_one_field_are_refused(client, vera):
    client.force_login(vera)
    upload(client, "a,b\nc1,c2\n")
    batch = ImportBatch.objects.get()
    url = reverse("customers:import_mapping", args=[batch.pk])
    answer = client.post(url, {"column_0": "customer_id", "column_1": "customer_id"})
    assert answer.status_code == 422
    assert Job.objects.count() == 0


def test_missing_column_is_named_by_the_dry_run(client, vera):
    client.force_login(vera)
    upload(client, "a,b\nc1,c2\n")
    batch = ImportBatch.objects.get()
    act(client, "import_mapping", batch, column_0="name")
    run_jobs()
    batch.refresh_from_db()
    assert batch.state == "refused"
    assert "customer_id" in page(client, batch).content.decode()
    assert "not ready" in act(client, "import_commit", batch).content.decode()


def test_pages_are_for_admins_and_managers_and_a_batch_for_its_manager(client, anna, vic, mia, vera):
    client.force_login(vera)
    upload(client, "customer_id\nc1\n")
    batch = ImportBatch.objects.get()
    pages = [reverse("customers:imports"), *[
        reverse(f"customers:{name}", args=[batch.pk])
        for name in ("import_batch", "import_errors", "import_rejected")
    ]]  # fmt: skip
    assert [client.get(url).status_code for url in pages] == [200] * 4
    for person in (anna, vic):
        client.force_login(person)
        assert [client.get(url).status_code for url in pages] == [403] * 4
    client.force_login(mia)
    assert [client.get(url).status_code for url in pages] == [200, 404, 404, 404]
    assert act(client, "import_commit", batch).status_code == 404


def test_job_of_a_manager_writes_only_in_the_own_team(client, anna, carl, mia):
    make_customer(owner=anna, external_ids={"import": "k1"})
    make_customer(owner=carl, external_ids={"import": "k2"})
    client.force_login(mia)
    upload(client, "customer_id,day\nk1,2025-01-01\nk2,2025-01-01\n", kind="usage")
    batch = ImportBatch.objects.get()
    act(client, "import_mapping", batch, column_0="customer_id", column_1="day")
    run_jobs()
    batch.refresh_from_db()
    assert (batch.created, batch.rejected) == (1, 1)


def test_example_file_has_the_columns_of_its_kind(client, vera):
    client.force_login(vera)
    answer = client.get(reverse("customers:import_example", args=["usage"]))
    assert answer.getvalue().decode("utf-8-sig").startswith("customer_id,occurred_at,day")


def test_job_that_died_can_be_started_again_from_the_page(client, vera):
    client.force_login(vera)
    upload(client, "customer_id\nc1\n")
    batch = ImportBatch.objects.get()
    act(client, "import_mapping", batch, column_0="customer_id")
    Job.objects.update(state="dead", last_error="The worker died.", finished_at=timezone.now())
    assert "The worker died." in page(client, batch).content.decode()
    act(client, "import_mapping", batch, column_0="customer_id")
    run_jobs()
    batch.refresh_from_db()
    assert batch.state == "checked"
