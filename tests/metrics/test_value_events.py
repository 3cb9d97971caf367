"""Naming the event that means activation."""

import pytest

from config.work.models import AuditEntry
from metrics.models import ValueEvent
from metrics.services.value_events import ValueEventError, forget_value_event, name_value_event

pytestmark = pytest.mark.django_db


def test_a_rule_replaces_the_one_of_its_segment(vera, now):
    name_value_event(purpose="activation", event="login", by=vera, now=now)
    name_value_event(purpose="activation", event="first report", by=vera, now=now)
    name_value_event(purpose="activation", segment="SMB", feature="export", by=vera, now=now)
    rules = ValueEvent.objects.order_by("segment").values_list("segment", "event", "feature")
    assert list(rules) == [("", "first report", ""), ("SMB", "", "export")]
    assert AuditEntry.objects.filter(action="value_event.named").count() == 3


def test_a_rule_can_be_forgotten(vera, now):
    name_value_event(purpose="first_value", event="report", by=vera, now=now)
    assert forget_value_event(purpose="first_value", by=vera, now=now) is True
    assert forget_value_event(purpose="first_value", by=vera, now=now) is False
    assert not ValueEvent.objects.exists()


@pytest.mark.parametrize("wrong", [{"purpose": "joy", "event": "x"}, {"purpose": "activation"}])
def test_a_rule_names_a_purpose_and_an_event(wrong, vera, now):
    with pytest.raises(ValueEventError):
        name_value_event(**wrong, by=vera, now=now)
