"""The card editor: cards of both kinds made through the pages, and bad input answered at its field."""

import pytest
from django.core import signing
from django.urls import reverse

from metrics.formulas.health_cards import card_problems, parse_card
from metrics.formulas.health_numbers import MICRO
from metrics.models import OwnMeasure, ScorecardVersion
from metrics.services import scorecards
from metrics.services.refresh import refresh_all_stale
from tests.factories.customers import NOW
from tests.factories.health import TODAY, make_scored_customer, starter

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def draft(vera):
    return scorecards.start_draft(scorecard=starter().scorecard, by=vera, now=NOW)


@pytest.fixture
def counting(vera):
    """A draft of a card of actions, and a measure that counts invitations."""
    OwnMeasure.objects.create(
        key="invites", slot=40, title="Invitations", kind="event", unit="count", better="up", window_days=30,
        spec={"event": "invite"}, created_by=vera,
    )  # fmt: skip
    return scorecards.new_card(title="Trials", kind="actions", by=vera, now=NOW)


class Editor:
    """A person at the editor: every answer's form is what the next click sends."""

    def __init__(self, client, user, draft):
        client.force_login(user)
        self.client, self.draft = client, draft
        self.url = reverse("metrics:scorecard_draft", args=[draft.pk])
        self.page = client.get(self.url)

    def fields(self):
        form = self.page.context["form"]
        found = {name: "" if form[name].value() is None else str(form[name].value()) for name in form.fields}
        return found | {
            "working": self.page.context["working"],
            "opened": form.opened.key,
            "place": str(form.opened.place),
        }

    def click(self, do, **typed):
        self.page = self.client.post(self.url, self.fields() | {"do": do} | typed)
        return self.page

    def save(self, **typed):
        self.page = self.client.post(self.url, self.fields() | typed)
        self.draft.refresh_from_db()
        return self.page

    @property
    def working(self):
        return signing.loads(self.page.context["working"], salt=f"metrics.card.{self.draft.pk}")

    @property
    def errors(self):
        return {name: list(errors) for name, errors in self.page.context["form"].errors.items()}


@pytest.fixture
def editor(client, vera, draft):
    return Editor(client, vera, draft)


def measure_of_draft(draft, key):
    return next(one for group in draft.body["groups"] for one in group["measures"] if one["measure"] == key)


def test_a_weighted_card_is_made_through_the_pages(editor, draft):
    editor.click("add-group", new_group="Risk")
    editor.click("drop-measure:pulse")
    editor.click("add-measure", new_measure="pulse:1", to_group="risk")
    assert draft.body == ScorecardVersion.objects.get(pk=draft.pk).body  # nothing is stored before saving
    editor.click("show", **{"x-0": "1", "y-0": "10", "x-1": "3", "y-1": "60", "x-2": "5", "y-2": "100"})
    editor.click("add-curve", new_curve="onboarding")
    assert editor.page.context["form"].opened.place == 1
    editor.click("curve:0", **{"y-0": "20"})
    editor.click("add-band", **{"cap_of-0": "risk", "cap_below-0": "30", "cap_most-0": "44.5"})
    answer = editor.save(
        **{
            "group-risk": "12.5",
            "missing": "worst",
            "fresh_for": "30",
            "expires_after": "90",
            "edge-2": "85",
            "side-2": "lower",
            "band-3": "Glowing",
            "tone-3": "blue",
            "min_coverage": "40",
        }
    )
    assert answer.status_code == 302
    body = draft.body
    pulse = measure_of_draft(draft, "pulse")
    assert body["groups"][-1]["weight"] == 125_000
    assert pulse["curve"]["points"] == [
        [MICRO, 10 * MICRO],
        [3 * MICRO, 60 * MICRO],
        [5 * MICRO, 100 * MICRO],
    ]
    assert [(one["by"], one["is"], one["curve"]["points"][0][1]) for one in pulse["curves"]] == [
        ("phase", "onboarding", 20 * MICRO)
    ]
    assert (pulse["missing"], pulse["fresh_for"], pulse["expires_after"]) == ("worst", 30, 90)
    assert body["caps"] == [{"of": "risk", "below": 30 * MICRO, "at_most": 44_500_000}]
    assert (body["bands"][3], body["edges"][2]) == (
        {"key": "glowing", "label": "Glowing", "tone": "blue"},
        {"at": 85 * MICRO, "side": "lower"},
    )
    assert (body["min_coverage"], draft.version, card_problems(parse_card(body))) == (4_000, 2, ())


def test_opening_and_saving_without_a_change_keeps_the_hash(editor, draft):
    before = draft.body_hash
    for key in ("active_seat_share", "severe_tickets", "nps_customer"):
        editor.click(f"open:{key}")
    editor.save()
    assert (draft.body_hash, draft.version) == (before, 2)


@pytest.mark.parametrize("kind", ["step", "linear_bounded", "target", "percentile"])
def test_every_curve_can_be_chosen_drawn_and_saved(editor, draft, kind):
    editor.click("open:active_seat_share")
    page = editor.click("show", curve_type=kind)
    assert page.status_code == 200
    assert page.context["detail"]["kind"] == kind
    assert editor.save().status_code == 302
    assert measure_of_draft(draft, "active_seat_share")["curve"]["type"] == kind
    assert card_problems(parse_card(draft.body)) == ()


def test_a_share_is_typed_in_per_cent(editor, draft):
    editor.click("open:active_seat_share")
    assert [editor.fields()[f"x-{row}"] for row in range(6)] == ["0", "30", "60", "80", "100", ""]
    editor.save(**{"x-1": "33.25"})
    assert measure_of_draft(draft, "active_seat_share")["curve"]["points"][1][0] == 332_500


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"y-0": "101"}, "y-0"),
        ({"x-0": "1e5"}, "x-0"),
        ({"x-1": "30", "y-1": ""}, "y-1"),
        ({"x-1": "", "y-1": "20"}, "x-1"),
        ({"x-1": "0"}, "x-1"),
        ({"fresh_for": "10", "expires_after": "10"}, "expires_after"),
        ({"fresh_for": "10", "expires_after": ""}, "expires_after"),
        ({"fresh_for": "\N{ARABIC-INDIC DIGIT THREE}"}, "fresh_for"),
        ({"missing": "nothing"}, "missing"),
        ({"curve_type": "wave"}, "curve_type"),
        ({"edge-1": "40"}, "edge-1"),
        ({"edge-0": "-1"}, "edge-0"),
        ({"band-0": ""}, "band-0"),
        ({"tone-0": "pink"}, "tone-0"),
        ({"cap_of-0": "nobody"}, "cap_of-0"),
        ({"min_coverage": "NaN"}, "min_coverage"),
        ({"title-usage": "x" * 81}, "title-usage"),
        ({"in_group": "nowhere"}, "in_group"),
    ],
)
def test_bad_input_is_named_at_its_field_and_nothing_is_saved(editor, draft, typed, field):
    editor.click("open:active_seat_share")
    answer = editor.save(**typed)
    assert (answer.status_code, list(editor.errors), draft.version) == (422, [field], 1)
    assert f'id="id_{field}_error"' in answer.content.decode()


@pytest.mark.parametrize(
    "do",
    [
        "add-group",
        "add-measure",
        "drop-group:x",
        "drop-measure:x",
        "drop-band:9",
        "drop-curve:1",
        "add-curve",
        "curve:99",
        "open:x",
        "x",
        "",
        ":",
        "add-action",
        "curve:\N{SUPERSCRIPT TWO}",
    ],
)
def test_a_button_that_cannot_do_its_work_says_why_or_changes_nothing(editor, do):
    before = editor.working
    answer = editor.click(do)
    assert answer.status_code in {200, 422}
    assert editor.working == before
    if answer.status_code == 422:
        assert editor.errors["__all__"][0].endswith(".")


@pytest.mark.parametrize("working", ["", "x", "a:b:c", "\x00", "z" * 5000])
def test_a_card_that_somebody_else_wrote_is_not_taken(client, vera, draft, working):
    client.force_login(vera)
    url = reverse("metrics:scorecard_draft", args=[draft.pk])
    answer = client.post(url, {"version": 1, "working": working, "group-usage": "36"})
    draft.refresh_from_db()
    assert (answer.status_code, draft.body["groups"][0]["weight"]) == (302, 360_000)


def test_a_card_of_another_draft_is_not_taken(client, vera, draft):
    other = scorecards.start_draft(scorecard=draft.scorecard, by=vera, now=NOW)
    client.force_login(vera)
    working = signing.dumps({"kind": "weighted"}, salt=f"metrics.card.{other.pk}", compress=True)
    answer = client.post(
        reverse("metrics:scorecard_draft", args=[draft.pk]), {"version": 1, "working": working}
    )
    assert answer.status_code == 302
    assert ScorecardVersion.objects.get(pk=draft.pk).body == draft.body


def test_rc_9_the_second_editor_keeps_an_unsaved_card_and_sees_what_is_saved(client, vera, draft):
    first, second = Editor(client, vera, draft), Editor(client, vera, draft)
    second.click("add-group", new_group="Mine")
    first.save(**{"group-support": "20"})
    page = second.save(**{"group-support": "30"})
    assert page.status_code == 422
    assert "saved this draft while you were editing it" in page.content.decode()
    (support,) = (group for group in page.context["groups"] if group.title == "Support")
    assert (support.saved, support.field.value()) == (20, "30")
    assert second.save().status_code == 302
    assert ([group["title"] for group in draft.body["groups"]][-1], draft.version) == ("Mine", 3)


def test_the_trial_shows_the_arithmetic_of_what_is_typed_and_stores_nothing(client, vera, draft):
    make_scored_customer(name="Larch")
    refresh_all_stale(as_of=TODAY, now=NOW)
    editor = Editor(client, vera, draft)
    url = reverse("metrics:card_trial", args=[draft.pk])
    headers = {"HX-Request": "true", "HX-Target": "card-trial"}
    one = client.post(url, editor.fields() | {"try": "larch"}, headers=headers)
    other = client.post(url, editor.fields() | {"try": "larch", "group-sentiment": "500"}, headers=headers)
    for answer in (one, other):
        rows = answer.context["trial_rows"]
        assert (
            answer.content.decode().startswith('<div id="card-trial"')
            or "card-trial" in answer.content.decode()
        )
        assert sum(row.adds for row in rows) == answer.context["trial_sum"]
    assert one.context["trial_text"] != other.context["trial_text"]
    assert 'id="share-group-sentiment" hx-swap-oob="true"' in other.content.decode()
    wrong = client.post(url, editor.fields() | {"group-usage": "x"}, headers=headers)
    assert "Correct what is typed" in wrong.content.decode()
    draft.refresh_from_db()
    assert draft.version == 1


def test_the_trial_of_nobody_says_so(client, vera, draft):
    editor = Editor(client, vera, draft)
    answer = client.post(reverse("metrics:card_trial", args=[draft.pk]), editor.fields() | {"try": "%\x00"})
    assert "No customer has this name" in answer.content.decode()


def test_notes_on_warnings_are_stored_with_the_draft(editor, draft):
    editor.save(**{"group-usage": "900"})
    editor.page = editor.client.get(editor.url)
    (row, *_) = editor.page.context["warnings"]
    editor.save(**{f"note-{row['name']}": "Usage is all we know", "note-L-99:x": "made up"})
    assert draft.acknowledged == {row["name"]: "Usage is all we know"}


def test_a_card_of_actions_is_made_through_the_pages(client, vera, counting):
    editor = Editor(client, vera, counting)
    assert editor.page.context["is_actions"] is True
    had = [one["measure"] for one in counting.body["actions"]]
    editor.click("add-action", new_action="invites:1")
    editor.click("open:invites", **{"impact-invites": "-2.5", "max-invites": "10", "name-invites": "Invites"})
    editor.click("show", **{"segment-0": "tier=gold&region=EU", "segment_impact-0": "3"})
    answer = editor.save(**{"segment-1": "phase=adoption", "segment_impact-1": "1", "window_days": "14"})
    assert answer.status_code == 302
    assert [one["measure"] for one in counting.body["actions"]] == [*had, "invites"]
    assert counting.body["actions"][-1] == {
        "measure": "invites", "version": 1, "title": "Invites", "impact": -25_000, "max_count": 10,
        "impacts": [{"segment": "tier=gold & region=EU", "impact": 30_000}, {"segment": "phase=adoption", "impact": 10_000}],
    }  # fmt: skip
    assert counting.body["window_days"] == 14


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"impact-invites": ""}, "impact-invites"),
        ({"max-invites": "0"}, "max-invites"),
        ({"segment-0": "gold", "segment_impact-0": "3"}, "segment-0"),
        ({"window_days": "0"}, "window_days"),
        ({"edge-0": "500"}, "edge-1"),
    ],
)
def test_bad_input_on_actions_is_named_at_its_field(client, vera, counting, typed, field):
    editor = Editor(client, vera, counting)
    editor.click("add-action", new_action="invites:1")
    editor.click("open:invites")
    answer = editor.save(**typed)
    assert (answer.status_code, list(editor.errors), counting.version) == (422, [field], 1)


def test_only_counts_may_be_actions(client, vera, counting):
    editor = Editor(client, vera, counting)
    assert editor.click("add-action", new_action="pulse:1").status_code == 422
    assert "counts something" in editor.errors["__all__"][0]


@pytest.mark.parametrize("name", ["scorecard_parts", "card_trial", "preview_customers", "scorecard_preview"])
def test_only_admins_reach_the_editor_and_the_preview(client, draft, mia, anna, vic, name):
    for user in (mia, anna, vic):
        client.force_login(user)
        call = client.get if "preview" in name else client.post
        assert call(reverse(f"metrics:{name}", args=[draft.pk])).status_code == 403


def test_the_pages_take_the_same_queries_whatever_the_number_of_customers(
    client, vera, draft, django_assert_num_queries
):
    client.force_login(vera)
    pages = {
        "scorecard_draft": {},
        "scorecard_preview": {},
        "preview_customers": {"from": "healthy", "to": "healthy"},
    }

    def counted():
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        found = {}
        for name, query in pages.items():
            client.get(reverse(f"metrics:{name}", args=[draft.pk]), query)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(reverse(f"metrics:{name}", args=[draft.pk]), query).status_code == 200
            found[name] = len(queries)
        return found

    make_scored_customer(name="Larch")
    refresh_all_stale(as_of=TODAY, now=NOW)
    one = counted()
    for number in range(2):
        make_scored_customer(name=f"Oak {number}", level=5)
    refresh_all_stale(as_of=TODAY, now=NOW)
    assert counted() == one


def test_the_list_of_a_cell_names_customers_with_both_scores(client, vera, draft):
    make_scored_customer(name="Larch")
    refresh_all_stale(as_of=TODAY, now=NOW)
    client.force_login(vera)
    url = reverse("metrics:preview_customers", args=[draft.pk])
    page = client.get(url, {"from": "healthy", "to": "healthy", "page": "\N{SUPERSCRIPT TWO}"})
    (move,) = page.context["moves"]
    assert (move.name, move.change) == ("Larch", 0)
    assert client.get(url, {"from": "healthy", "to": "nowhere"}).status_code == 404


def test_a_preview_is_noted_with_the_hash_of_what_was_previewed(client, vera, draft):
    client.force_login(vera)
    client.get(reverse("metrics:scorecard_preview", args=[draft.pk]))
    draft.refresh_from_db()
    assert (draft.preview["body_hash"], draft.preview["customers"]) == (draft.body_hash, 0)
