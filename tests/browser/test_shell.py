"""The frame of every page by keyboard, on the phone, and without the script."""

import pytest
from django.urls import reverse

from config.work.models import Job, JobState
from tests.factories.mails import make_job
from tests.factories.users import PASSWORD

pytestmark = pytest.mark.browser


@pytest.fixture
def window(visit, admin):
    opened = visit()
    opened.sign_in()
    opened.go(reverse("accounts:settings"))
    return opened


def test_the_shortcut_list_opens_and_escape_closes_it(window):
    window.page.keyboard.press("?")
    assert window.page.locator("#keys").is_visible()
    window.page.keyboard.press("Escape")
    assert not window.page.locator("#keys").is_visible()


def test_g_and_a_letter_jump_but_not_while_typing(window):
    window.page.keyboard.press("g")
    window.page.keyboard.press("o")
    window.page.wait_for_url("**/outbox/")
    window.page.locator("#q").press_sequentially("go")
    window.page.wait_for_timeout(400)
    assert window.page.url.split("?")[0].endswith("/outbox/")
    assert window.page.input_value("#q") == "go"


def test_the_skip_link_is_the_first_stop(window):
    window.page.keyboard.press("Tab")
    assert window.page.evaluate("document.activeElement.className") == "skip"
    window.page.keyboard.press("Enter")
    assert window.page.evaluate("document.activeElement.id") == "main"


def test_a_theme_chosen_stays_on_the_next_page(window):
    window.page.click("[data-theme-toggle]")
    assert window.page.evaluate("document.documentElement.dataset.theme") == "dark"
    window.go(reverse("accounts:profile"))
    assert window.page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_menus_close_with_escape_and_by_a_click_outside(window):
    summary = window.page.locator("summary[aria-label='Your menu']")
    for close in (lambda: window.page.keyboard.press("Escape"), lambda: window.page.click("h1")):
        summary.click()
        assert window.page.get_by_role("link", name="Profile").first.is_visible()
        close()
        assert not window.page.locator("details.menu[open]").count()


def test_the_phone_menu_opens_without_the_script(visit, admin):
    window = visit(390, 844, java_script_enabled=False)
    window.sign_in()
    window.go(reverse("accounts:settings"))
    link = window.page.locator("#nav").get_by_role("link", name="Settings")
    assert not link.is_visible()
    window.page.get_by_role("button", name="Menu").click()
    assert link.is_visible()


def test_signing_in_and_changing_a_profile_work_without_the_script(visit, admin):
    window = visit(java_script_enabled=False)
    window.sign_in()
    window.go(reverse("accounts:profile"))
    window.page.fill("#id_name", "Vera L")
    window.page.click("main form button")
    assert window.page.locator("#toasts").inner_text().startswith("Profile saved.")
    admin.refresh_from_db()
    assert admin.name == "Vera L"


def test_a_filter_changes_rows_and_address_without_leaving_the_page(window):
    window.go(reverse("accounts:users"))
    window.page.fill("#q", "nobody like this")
    window.page.get_by_text("Nobody matches").wait_for()
    assert "q=nobody" in window.page.url
    window.page.go_back()
    window.page.locator("#user-rows").get_by_text("Vera Lund").wait_for()


def test_a_job_is_followed_to_its_end_without_a_reload(window):
    job = make_job(state=JobState.RUNNING, title="Recompute", progress_done=1, progress_total=4)
    window.go(reverse("accounts:settings"))
    bar = window.page.locator(f"#job-progress-{job.pk}")
    assert "1 of 4" in bar.inner_text()
    Job.objects.filter(pk=job.pk).update(progress_done=4, state=JobState.DONE)
    bar.get_by_text("is done").wait_for(timeout=6000)
    assert bar.get_attribute("hx-get") is None


def test_an_expired_login_goes_to_the_login_page_and_comes_back(window):
    window.go(reverse("accounts:users"))
    window.context.clear_cookies(name="sessionid")
    window.page.fill("#q", "vera")
    window.page.wait_for_url("**/login/?next=**")
    window.page.fill("#id_login", "vera@tend.example")
    window.page.fill("#id_password", PASSWORD)
    window.page.click("main button")
    window.page.wait_for_url("**/settings/users/**")


def test_a_failed_request_says_so(window):
    window.go(reverse("accounts:users"))
    window.page.route("**/settings/users/?*", lambda route: route.fulfill(status=500, body="broken"))
    window.page.fill("#q", "vera")
    window.page.locator("#toasts").get_by_text("That did not work").wait_for()
    assert window.page.locator("#user-rows").get_by_text("Vera Lund").is_visible()


def test_a_mail_in_the_outbox_runs_no_script(window):
    from tests.factories.mails import make_captured_mail

    mail = make_captured_mail()
    window.go(reverse("accounts:outbox_mail", args=[mail.pk]))
    frame = window.page.frame_locator("iframe")
    assert frame.get_by_text("Rich words").is_visible()
    assert not [
        word for word in window.complaints if "Blocked script" not in word and "sandboxed" not in word
    ]
