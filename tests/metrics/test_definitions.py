"""Definition versions: drafts, their effect, publishing, and what stays."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from django.db import ProgrammingError

from accounts.models import Organisation
from config.work.models import Job
from metrics.formulas.definition import DEFAULT, as_texts
from metrics.models import DefinitionVersion
from metrics.queries import definitions
from metrics.queries.freshness import is_other_basis
from metrics.services.definitions import DefinitionError, draft_of, preview, publish
from metrics.services.recompute import bring_up_to_date
from tests.factories.ledgers import make_payer, make_version

NOW = datetime(2025, 6, 16, 10, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def test_a_preset_is_a_draft_over_what_is_in_force():
    draft = draft_of(preset="stripe", values={"gross_margin": "0.8", "weekly_factor": "52/12"})
    assert (draft.discount_policy, draft.movement_grain, str(draft.gross_margin)) == (
        "forever_only",
        "event",
        "0.8",
    )
    assert draft.weekly_factor == Fraction(52, 12)
    assert definitions.current() == DEFAULT


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"colour": "red"}, "no key 'colour'"),
        ({"pause_policy": "maybe"}, "zero, keep"),
        ({"gross_margin": "1.5"}, "from 0 to 1"),
        ({"timezone": "Mars/Olympus"}, "Europe/Berlin"),
        ({"weekly_factor": "1/0"}, "above 0"),
        ({"logo_level": "parent"}, "cannot be computed yet"),
    ],
)
def test_k_1_a_wrong_key_or_value_is_refused_by_name(values, words):
    with pytest.raises(DefinitionError, match=words):
        draft_of(values=values)


def test_a_preview_shows_twelve_months_under_both_and_changes_nothing():
    larch = make_payer()
    make_version(larch, date(2024, 1, 1), date(2025, 3, 1), "100")
    make_version(larch, date(2025, 3, 1), None, "100", status="paused")
    bring_up_to_date(as_of=NOW.date(), now=NOW)
    effects = preview(draft_of(values={"pause_policy": "keep"}), now=NOW)
    assert [effect.period.start.month for effect in effects] == [6, 7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5]
    assert [(e.before.span.closing, e.after.span.closing) for e in effects[8:]] == [
        (100, 100),
        (0, 100),
        (0, 100),
        (0, 100),
    ]
    assert DefinitionVersion.objects.count() == 0


def test_g_11_publishing_makes_an_immutable_version_and_recomputes(vera):
    make_version(make_payer(), date(2024, 1, 1), None, "30", interval="week")
    bring_up_to_date(as_of=NOW.date(), now=NOW)
    version, job = publish(
        draft=draft_of(values={"weekly_factor": "4"}), by=vera, now=NOW, note="as our old tool"
    )
    assert (version.number, definitions.current().weekly_factor, is_other_basis()) == (1, 4, True)
    assert Job.objects.get() == job
    bring_up_to_date(as_of=NOW.date(), now=NOW)
    assert not is_other_basis()
    with pytest.raises(ProgrammingError, match="Cannot update"):
        DefinitionVersion.objects.update(note="another")


def test_an_old_version_can_still_be_read(vera):
    publish(draft=draft_of(values={"csat_cut": "5"}), by=vera, now=NOW)
    publish(draft=draft_of(values={"reporting_currency": "usd"}), by=vera, now=NOW)
    assert (definitions.of_version(1).csat_cut, definitions.of_version(1).reporting_currency) == (5, "EUR")
    assert Organisation.objects.get().currency == "USD"
    assert definitions.current_number() == 2


def test_keys_that_only_divide_need_no_recompute(vera):
    bring_up_to_date(as_of=NOW.date(), now=NOW)
    _, job = publish(draft=draft_of(values={"gross_margin": "0.8"}), by=vera, now=NOW)
    assert (job, is_other_basis()) == (None, False)


def test_the_same_definition_is_not_published_twice(vera):
    with pytest.raises(DefinitionError, match="in force already"):
        publish(draft=draft_of(values=as_texts(DEFAULT)), by=vera, now=NOW)
