"""Scales, addresses and send windows: the vectors of the survey rules."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from surveys.formulas import mail_html
from surveys.formulas.addresses import address_key, domain_of, keyed_hash
from surveys.formulas.scales import SCALES, bucket, is_low, point_from_text
from surveys.formulas.windows import ANY_TIME, SendWindow, next_open, utc_of_local


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        ("Europe/Berlin", "2027-03-28 02:30", "2027-03-28 01:30"),
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30"),
        ("Europe/Berlin", "2027-03-26 09:00", "2027-03-26 08:00"),
        ("Europe/Berlin", "2027-03-29 09:00", "2027-03-29 07:00"),
        ("Asia/Kathmandu", "2027-03-29 09:00", "2027-03-29 03:15"),
        ("Pacific/Kiritimati", "2027-01-01 09:00", "2026-12-31 19:00"),
        ("Australia/Lord_Howe", "2026-10-05 09:00", "2026-10-04 22:00"),
        ("Australia/Lord_Howe", "2027-04-05 09:00", "2027-04-04 22:30"),
    ],
)
def test_vector_local_times_become_utc(zone, local, utc):
    wanted = datetime.fromisoformat(local)
    found = utc_of_local(wanted.date(), wanted.time(), ZoneInfo(zone))
    assert found == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_the_window_opens_on_the_next_working_day():
    berlin = ZoneInfo("Europe/Berlin")
    friday_evening = datetime(2026, 3, 13, 16, 0, tzinfo=UTC)
    assert next_open(friday_evening, SendWindow(), berlin) == datetime(2026, 3, 16, 8, 0, tzinfo=UTC)
    monday_noon = datetime(2026, 3, 16, 11, 0, tzinfo=UTC)
    assert next_open(monday_noon, SendWindow(), berlin) == monday_noon
    assert not SendWindow().is_open(datetime(2026, 3, 16, 15, 0, tzinfo=UTC), berlin)  # 16:00 is over
    with pytest.raises(ValueError, match="at least one day"):
        next_open(friday_evening, SendWindow(days=()), berlin)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(
        ["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia"]
    ),
    st.sets(st.integers(0, 6), min_size=1),
)
def test_the_next_opening_is_inside_the_window_and_never_in_the_past(moment, zone, days):
    window = SendWindow(tuple(sorted(days)), time(9), time(16))
    found = next_open(moment, window, ZoneInfo(zone))
    assert moment <= found <= moment + timedelta(days=9)
    assert window.is_open(found, ZoneInfo(zone))
    assert next_open(moment, ANY_TIME, ZoneInfo(zone)) == moment


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (" Robin.Ash+News@Customer.Example ", "robin.ash+news@customer.example"),
        ("robin@bücher.example", "robin@xn--bcher-kva.example"),
        ("robin@localhost", None),
        ("robin@[127.0.0.1]", None),
        ("robin@127.0.0.1", None),
        ("röbin@customer.example", None),
        ("robin", None),
        ("@customer.example", None),
        ("robin@customer..example", None),
        ("robin@customer.example\r\nBcc: x@y.example", None),
        ("a" * 65 + "@customer.example", None),
        ("", None),
    ],
)
def test_addresses_have_one_key(raw, key):
    assert address_key(raw) == key


def test_the_keyed_hash_needs_its_key():
    assert keyed_hash(b"1", "a@b.example") != keyed_hash(b"2", "a@b.example")
    assert len(keyed_hash(b"1", "a@b.example")) == 64
    assert domain_of("a@b.example") == "b.example"


def test_vector_every_score_has_its_bucket():
    letters = {"negative": "D", "neutral": "p", "positive": "P"}
    found = {
        kind: "".join(letters[bucket(kind, point)] for point in scale.points)
        for kind, scale in SCALES.items()
    }
    assert found == {
        "nps": "DDDDDDDppPP",
        "csat5": "DDpPP",
        "csat7": "DDDppPP",
        "ces7": "DDDpPPP",
        "ces5": "DDpPP",
    }
    assert [point for point in SCALES["ces7"].points if is_low("ces7", point)] == [1, 2, 3]


def test_only_whole_points_of_the_scale_are_taken_from_an_address():
    assert [point_from_text("nps", text) for text in ("0", "10", "11", "-1", "", "1.0", "٣", None)] == [
        0, 10, None, None, None, None, None, None,
    ]  # fmt: skip
    assert point_from_text("csat5", "0") is None


def test_vector_contrast():
    assert round(mail_html.contrast("#767676", "#ffffff"), 2) == 4.54
    assert round(mail_html.contrast("#777777", "#ffffff"), 2) == 4.48
    assert round(mail_html.contrast("#ffffff", "#22c55e"), 2) == 2.28
    assert date(2026, 3, 16).weekday() == 0
