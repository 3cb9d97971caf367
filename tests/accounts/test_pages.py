"""Settings pages: who may open them, what they show, what they change."""

import re

import pytest
from django.urls import reverse

from accounts.models import Team, User
from config.work import audit
from config.work.models import AuditEntry, Job, JobState
from tests.factories.mails import make_captured_mail, make_job
from tests.factories.users import PASSWORD, make_organisation, make_user

ADMIN_PAGES = ["organisation", "teams", "audit", "outbox", "users"]
EVERYBODYS_PAGES = ["settings", "profile", "jobs"]


def url(name, *args):
    return reverse(f"accounts:{name}", args=args)


@pytest.mark.parametrize("page", ADMIN_PAGES)
def test_pages_of_the_organisation_are_for_admins(client, vera, anna, mia, vic, page):
    for person, status in ((vera, 200), (anna, 403), (mia, 403), (vic, 403)):
        client.force_login(person)
        assert client.get(url(page)).status_code == status
    client.logout()
    assert client.get(url(page)).headers["Location"].startswith("/login/?next=")


@pytest.mark.parametrize("page", EVERYBODYS_PAGES)
def test_own_pages_are_for_everybody_with_a_login(client, vera, anna, mia, vic, page):
    for person in (vera, anna, mia, vic):
        client.force_login(person)
        assert client.get(url(page)).status_code == 200


def test_a_refusal_says_who_can_help(client, anna):
    client.force_login(anna)
    assert "An admin can change roles" in client.get(url("audit")).content.decode()


def test_the_settings_page_shows_only_what_may_be_opened(client, anna, vera):
    client.force_login(anna)
    text = client.get(url("settings")).content.decode()
    assert url("profile") in text
    assert url("audit") not in text
    client.force_login(vera)
    assert url("audit") in client.get(url("settings")).content.decode()


def test_the_profile_changes_name_and_zone_and_nothing_else(client, anna):
    client.force_login(anna)
    extra = {
        "role": "admin",
        "grants": "manage_users",
        "email": "x@tend.example",
        "team": "",
        "is_active": "",
    }
    client.post(url("profile"), {"name": "Anna B", "time_zone": "Asia/Tokyo", **extra})
    changed = User.objects.get(pk=anna.pk)
    assert (changed.name, changed.time_zone) == ("Anna B", "Asia/Tokyo")
    for field in ("role", "grants", "email", "team_id", "is_active"):
        assert getattr(changed, field) == getattr(anna, field)


def test_a_zone_that_does_not_exist_is_refused_at_its_field(client, anna):
    client.force_login(anna)
    response = client.post(url("profile"), {"name": "Anna", "time_zone": "Moon/Sea"})
    assert response.status_code == 422
    assert 'id="id_time_zone_error"' in response.content.decode()


def test_moments_are_shown_in_the_readers_zone(client, vera, now):
    vera.time_zone = "Asia/Tokyo"
    vera.save()
    audit.record(by=vera, now=now, action="user.changed", subject=vera)
    client.force_login(vera)
    assert "19:00" in client.get(url("audit")).content.decode()


def test_the_organisation_is_changed_by_its_form(client, vera):
    client.force_login(vera)
    good = {"name": "Kestrel", "time_zone": "Europe/Oslo", "currency": "nok", "csm_read_scope": "all"}
    assert client.post(url("organisation"), good).status_code == 302
    assert "NOK" in client.get(url("settings")).content.decode()
    for field, value in {"currency": "XYZ", "time_zone": "", "csm_read_scope": "moon", "name": ""}.items():
        assert client.post(url("organisation"), {**good, field: value}).status_code == 422


def test_people_are_invited_from_the_list(client, vera):
    client.force_login(vera)
    fields = {"email": "nora@tend.example", "name": "Nora", "role": "csm", "team": ""}
    response = client.post(url("invite_user"), fields, follow=True)
    assert "Invitation mailed to nora@tend.example" in response.content.decode()
    again = client.post(url("invite_user"), fields)
    assert again.status_code == 422
    assert "has a login already" in again.content.decode()


def test_the_list_of_people_filters_sorts_and_answers_with_its_rows(client, vera, anna, ben, mia):
    client.force_login(vera)
    part = client.get(url("users"), {"q": "ann"}, headers={"HX-Request": "true", "HX-Target": "user-rows"})
    text = part.content.decode()
    assert text.lstrip().startswith('<div id="user-rows"')
    assert "Anna Berg" in text
    assert "Ben Ode" not in text
    names = re.findall(r"data-row>([^<]+)<", client.get(url("users"), {"sort": "-name"}).content.decode())
    assert names == ["Vera Lund", "Mia Holm", "Ben Ode", "Anna Berg"]
    assert "Nobody matches" in client.get(url("users"), {"q": "zzz"}).content.decode()


@pytest.mark.parametrize(
    "query", ["sort=password", "page=999999999999", "page=-1", "q=%00", "role=king", "size=7", "sort=--name"]
)
def test_a_nonsense_query_shows_the_list(client, vera, query):
    client.force_login(vera)
    assert client.get(f"{url('users')}?{query}").status_code == 200


def test_rights_of_a_person_are_changed_and_the_last_admin_stays(client, vera, anna, south):
    client.force_login(vera)
    fields = {
        "name": "Anna Berg",
        "role": "manager",
        "team": south.pk,
        "grants": ["export"],
        "read_scope": "own",
    }
    assert client.post(url("user", anna.pk), fields).status_code == 302
    changed = User.objects.get(pk=anna.pk)
    assert (changed.role, changed.team, changed.grants, changed.read_scope) == (
        "manager",
        south,
        ["export"],
        "own",
    )
    refused = client.post(url("user", vera.pk), {"name": "Vera", "role": "csm", "team": "", "read_scope": ""})
    assert refused.status_code == 422
    assert "is the last admin" in refused.content.decode()


def test_with_the_right_to_manage_users_no_admin_is_made(client, mia, anna):
    mia.grants = ["manage_users"]
    mia.save()
    client.force_login(mia)
    fields = {"name": "Anna Berg", "role": "admin", "team": "", "grants": [], "read_scope": ""}
    assert client.post(url("user", anna.pk), fields).status_code == 422
    assert User.objects.get(pk=anna.pk).role == "csm"


def test_access_ends_and_comes_back(client, vera, anna):
    client.force_login(vera)
    client.post(url("deactivate_user", anna.pk))
    assert not User.objects.get(pk=anna.pk).is_active
    assert "Anna Berg" in client.get(url("users"), {"left": "on"}).content.decode()
    client.post(url("reactivate_user", anna.pk))
    assert User.objects.get(pk=anna.pk).is_active


@pytest.mark.parametrize("name", ["user", "team", "job_progress", "outbox_mail", "outbox_frame"])
def test_what_does_not_exist_is_404(client, vera, name):
    client.force_login(vera)
    for pk in (999, 10**30):
        assert client.get(url(name, pk)).status_code == 404


@pytest.mark.parametrize(
    "name", ["deactivate_user", "reactivate_user", "invite_user_again", "delete_team", "run_job_again"]
)
def test_acts_need_a_post(client, vera, name):
    client.force_login(vera)
    assert client.get(url(name, 1)).status_code == 405


def test_an_invitation_page_takes_a_good_password_once(client, vera):
    from django.utils import timezone

    from accounts.services.users import invite
    from tests.accounts.test_users import secret_of_last_mail

    invite(email="nora@tend.example", name="Nora", role="csm", team=None, by=vera, now=timezone.now())
    page = url("accept_invite", secret_of_last_mail())
    opened = [client.get(page) for _ in range(2)]
    assert [response.status_code for response in opened] == [200, 200]
    assert opened[0].headers["Referrer-Policy"] == "no-referrer"
    assert client.post(page, {"name": "Nora", "password": "short"}).status_code == 422
    assert client.post(page, {"name": "Nora Falk", "password": PASSWORD}).headers["Location"] == reverse(
        "account_login"
    )
    assert client.get(page).status_code == 410
    signed_in = client.post(reverse("account_login"), {"login": "nora@tend.example", "password": PASSWORD})
    assert signed_in.headers["Location"] == "/"


def test_an_unknown_invitation_is_gone_without_a_name(client, db):
    response = client.get(url("accept_invite", "x" * 43))
    assert response.status_code == 410
    assert response.headers["Referrer-Policy"] == "no-referrer"


def test_teams_are_added_moved_and_removed(client, vera, north, south):
    client.force_login(vera)
    client.post(url("teams"), {"name": "East", "parent": north.pk})
    east = Team.objects.get(name="East")
    client.post(url("team", east.pk), {"name": "Far East", "parent": south.pk})
    east.refresh_from_db()
    assert (east.name, east.parent) == ("Far East", south)
    client.post(url("delete_team", east.pk))
    assert not Team.objects.filter(pk=east.pk).exists()
    assert client.post(url("teams"), {"name": "north", "parent": ""}).status_code == 422


def test_a_job_is_seen_by_its_owner_and_by_admins(client, anna, ben, vera):
    job = make_job(created_by=anna, title="Import of Anna")
    for person, status in ((anna, 200), (vera, 200), (ben, 404)):
        client.force_login(person)
        assert client.get(url("job_progress", job.pk)).status_code == status
        assert ("Import of Anna" in client.get(url("jobs")).content.decode()) == (status == 200)


@pytest.mark.parametrize(
    ("state", "polls", "words"),
    [
        ("queued", True, "Waiting"),
        ("running", True, "3 of 10"),
        ("done", False, "is done"),
        ("dead", False, "no points"),
        ("cancelled", False, "cancelled"),
    ],
)
def test_the_bar_polls_until_the_job_is_over(client, anna, state, polls, words):
    job = make_job(created_by=anna, state=state, progress_done=3, progress_total=10, last_error="no points")
    client.force_login(anna)
    headers = {"HX-Request": "true", "HX-Target": f"job-progress-{job.pk}"}
    text = client.get(url("job_progress", job.pk), headers=headers).content.decode()
    assert ("every 2s" in text) == polls
    assert words in text
    assert 'aria-live="polite"' in text
    assert "<html" not in text


def test_a_stopped_job_is_run_again_by_an_admin(client, vera, anna):
    job = make_job(state=JobState.DEAD, attempts=2, last_error="boom")
    client.force_login(anna)
    assert client.post(url("run_job_again", job.pk)).status_code == 403
    client.force_login(vera)
    client.post(url("run_job_again", job.pk))
    assert Job.objects.get(pk=job.pk).state == JobState.QUEUED
    assert AuditEntry.objects.filter(action="job.run_again").count() == 1
    answer = client.post(url("run_job_again", job.pk), follow=True)
    assert "has not stopped" in answer.content.decode()


def test_the_log_filters_by_kind_text_and_day(client, vera, anna, now):
    audit.record(
        by=vera,
        now=now,
        action="user.changed",
        subject=anna,
        before={"role": "csm"},
        after={"role": "manager"},
    )
    audit.record(by=None, now=now, action="team.created", after={"name": "East"})
    client.force_login(vera)
    text = client.get(url("audit"), {"kind": "user"}).content.decode()
    assert "<del>csm</del> <ins>manager</ins>" in text
    assert "East" not in text
    assert "Nothing matches" in client.get(url("audit"), {"since": "2030-01-01"}).content.decode()
    assert client.get(url("audit"), {"since": "tomorrow", "until": "31/02"}).status_code == 200


def test_the_outbox_shows_mails_without_running_them(client, vera):
    mail = make_captured_mail(subject="Hello <b>you</b>")
    client.force_login(vera)
    assert "Hello &lt;b&gt;you&lt;/b&gt;" in client.get(url("outbox")).content.decode()
    page = client.get(url("outbox_mail", mail.pk)).content.decode()
    assert "Plain words" in page
    assert "<script>steal()" not in page
    frame = client.get(url("outbox_frame", mail.pk))
    assert "Rich words" in frame.content.decode()
    policy = frame.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "sandbox allow-popups" in policy
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_without_the_built_in_outbox_there_is_no_outbox_page(client, vera, settings):
    settings.EMAIL = {**settings.EMAIL, "transport": "smtp"}
    client.force_login(vera)
    assert client.get(url("outbox")).status_code == 404
    assert url("outbox") not in client.get(url("settings")).content.decode()


def test_a_broken_mail_is_shown_as_far_as_it_can_be_read(client, vera):
    mail = make_captured_mail(raw=b"\xff\xfe no headers at all")
    client.force_login(vera)
    assert client.get(url("outbox_mail", mail.pk)).status_code == 200


def test_names_are_text_wherever_they_stand(client, vera):
    make_organisation(name="<i>Kestrel</i>")
    person = make_user("<script>alert(1)</script> Eve", email="eve@tend.example")
    client.force_login(vera)
    for page in (url("users"), url("user", person.pk), url("settings")):
        text = client.get(page).content.decode()
        assert "<script>alert" not in text
        assert "<i>Kestrel" not in text


@pytest.mark.parametrize("page", ["users", "jobs", "audit", "outbox", "teams"])
def test_lists_cost_the_same_for_one_row_and_for_three(client, vera, page, now):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def fill():
        person = make_user()
        make_job(created_by=person)
        make_captured_mail()
        Team.objects.create(name=f"Team of {person.pk}")
        audit.record(by=person, now=now, action="user.changed", subject=person)

    client.force_login(vera)
    fill()
    costs = []
    for _ in range(2):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(url(page))
        costs.append(len(queries))
        fill()
        fill()
    assert costs[0] == costs[1]
    assert costs[0] <= 8
