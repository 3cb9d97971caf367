"""Page or part, redirects, expired logins and messages as htmx wants them."""

import pytest
from django.urls import reverse

HTMX = {"HX-Request": "true"}


def test_the_target_decides_between_page_and_part(client, vera):
    client.force_login(vera)
    page = reverse("accounts:users")
    part = client.get(page, headers={**HTMX, "HX-Target": "user-rows"}).content.decode()
    assert "<html" not in part
    for headers in (
        {},
        {**HTMX, "HX-Target": "something-else"},
        {**HTMX, "HX-Target": "user-rows", "HX-Boosted": "true"},
        {**HTMX, "HX-Target": "user-rows", "HX-History-Restore-Request": "true"},
    ):
        assert "<html" in client.get(page, headers=headers).content.decode()


def test_caches_keep_pages_and_parts_apart(client, vera):
    client.force_login(vera)
    response = client.get(reverse("accounts:users"))
    assert {"HX-Request", "HX-Target", "Cookie"} <= set(response.headers["Vary"].split(", "))
    assert response.headers["Cache-Control"] == "no-store"


def test_an_expired_login_moves_the_whole_page_and_comes_back(client, db):
    response = client.get(
        reverse("accounts:users"),
        headers={**HTMX, "HX-Target": "user-rows", "HX-Current-URL": "http://testserver/settings/users/?q=a"},
    )
    assert response.status_code == 200
    assert response.headers["HX-Redirect"] == "/login/?next=%2Fsettings%2Fusers%2F%3Fq%3Da"
    assert response.content == b""


def test_a_redirect_after_an_act_moves_the_whole_page(client, vera, anna):
    client.force_login(vera)
    response = client.post(reverse("accounts:deactivate_user", args=[anna.pk]), headers=HTMX)
    assert response.headers["HX-Redirect"] == reverse("accounts:user", args=[anna.pk])
    assert "no access any more" in client.get(response.headers["HX-Redirect"]).content.decode()


def test_a_message_waits_for_a_part_and_rides_along_as_a_toast(client, vera, anna):
    client.force_login(vera)
    client.post(reverse("accounts:deactivate_user", args=[anna.pk]))
    part = client.get(reverse("accounts:users"), headers={**HTMX, "HX-Target": "user-rows"}).content.decode()
    assert 'hx-swap-oob="beforeend"' in part
    assert "no access any more" in part
    again = client.get(reverse("accounts:users"), headers={**HTMX, "HX-Target": "user-rows"}).content.decode()
    assert "hx-swap-oob" not in again


def test_the_current_page_is_marked_once(client, vera):
    client.force_login(vera)
    for name in ("users", "audit", "settings", "outbox"):
        side = client.get(reverse(f"accounts:{name}")).content.decode().split("<main")[0].split("</nav>")[0]
        assert side.count('aria-current="page"') == 1


def test_the_navigation_leads_only_to_pages_that_answer(client, vera):
    import re

    client.force_login(vera)
    side = client.get(reverse("accounts:settings")).content.decode().split("<nav", 1)[1].split("</nav>")[0]
    for href in re.findall(r'href="([^"]+)"', side):
        assert client.get(href).status_code == 200, href


@pytest.mark.parametrize("status", [404, 403])
def test_error_pages_stand_alone(client, anna, status):
    client.force_login(anna)
    path = {404: "/nowhere/", 403: reverse("accounts:audit")}[status]
    response = client.get(path)
    assert response.status_code == status
    assert "<h1>" in response.content.decode()
