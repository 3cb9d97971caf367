"""Pages of scores: methods, filters, trend, funnel, comparison, and what small groups keep to themselves."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
import time_machine
from django.urls import reverse

from customers.models import CustomerSummary
from surveys.models import Invitation, Message, Response, SurveyPolicy
from surveys.queries import comparison, scores, slices, unheard
from surveys.queries.funnels import Line
from surveys.queries.slices import Slice
from tests.factories.customers import make_contact, make_customer
from tests.factories.surveys import answer, make_sent_message

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _frozen(now):
    with time_machine.travel(now + timedelta(hours=1), tick=False):
        yield


def url(name, *args):
    return reverse(f"surveys:{name}", args=args)


NUMBERS = count()


def give(customer, scores_, *, at, contact=None, **fields):
    """Imported answers: the quickest way to have many."""
    usual = {
        "kind": "nps", "series_key": "nps-series", "channel": "import", "scale_min": 0, "scale_max": 10,
        "campaign_name": "Yearly",
    }  # fmt: skip
    return Response.objects.bulk_create(
        Response(
            customer=customer,
            contact=contact,
            score=score,
            answered_at=at,
            first_answered_at=at,
            source="test",
            external_id=str(next(NUMBERS)),
            **(usual | fields),
        )
        for score in scores_
    )


@pytest.fixture
def three(anna, now):
    """The customers of the weighting vector: MRR 1,000, 10,000 and 500."""
    answers = ([10, 9, 9, 10, 10, 9], [3], [8, 2])
    made = []
    for number, (given, mrr) in enumerate(zip(answers, ("1000", "10000", "500"), strict=True)):
        customer = make_customer(owner=anna, name=f"Vector {number}", segment=("big", "big", "small")[number])
        CustomerSummary.objects.filter(customer=customer).update(mrr=Decimal(mrr))
        give(customer, given, at=now - timedelta(days=3))
        made.append(customer)
    return made


def page(client, name, query="", *args):
    response = client.get(url(name, *args) + query)
    assert response.status_code == 200
    return response.content.decode()


def test_vector_s_31_the_page_shows_five_methods_with_n_and_coverage(client, three, vera):
    client.force_login(vera)
    text = page(client, "scores")
    for value in ("+44", "−17", "−33", "−80"):
        assert f">{value}<" in text
    assert "By role of the contact" in text
    assert "n = 9 answers of 3 customers" in text
    assert "100&nbsp;% of the MRR" in text
    chosen = page(client, "scores", "?method=mrr")
    assert 'class="fig xl muted">−80<' in chosen
    assert "revenue at risk" in chosen


def test_s_32_customers_without_mrr_are_counted_and_named_only_to_those_who_may_read_them(
    client, three, vera, carl
):
    CustomerSummary.objects.filter(customer=three[2]).update(mrr=0)
    client.force_login(vera)
    text = page(client, "scores")
    assert "1 customer without MRR left out" in text
    assert "Vector 2" in text
    client.force_login(carl)
    text = page(client, "scores")
    assert "1 customer without MRR left out" in text
    assert "Vector 2" not in text


def test_s_30_a_rolling_score_takes_the_last_answer_of_each_contact(client, anna, vera, now):
    customer = make_customer(owner=anna)
    for number in range(5):
        contact = make_contact(customer, f"p{number}@x.example")
        give(customer, [0], at=now - timedelta(days=20), contact=contact)
        give(customer, [10], at=now - timedelta(days=2), contact=contact)
    client.force_login(vera)
    assert ">+100<" in page(client, "scores", "?span=last90")
    assert "n = 5 answers of 1 customer." in page(client, "scores", "?span=last90")
    assert "n = 10 answers" in page(client, "scores", "?span=all")


def test_s_12_series_are_never_mixed(client, three, vera, now):
    give(
        three[0],
        [5] * 8,
        at=now,
        kind="csat5",
        series_key="csat",
        scale_min=1,
        scale_max=5,
        nature="transactional",
    )
    client.force_login(vera)
    text = page(client, "scores", "?series=csat")
    assert ">100\u00a0%<" in text
    assert "n = 8 answers" in text
    assert "CSAT = share of the top two boxes" in text
    assert "n = 9 answers" in page(client, "scores", "?series=nps-series")


def test_an_imported_scale_without_cuts_has_a_mean_and_no_share(client, three, vera, now):
    give(
        three[0],
        [1, 2, 3, 4, 5],
        at=now,
        kind="ces",
        series_key="ces",
        scale_min=1,
        scale_max=5,
        direction="low_is_good",
    )
    client.force_login(vera)
    text = page(client, "scores", "?series=ces")
    assert "no agreed cuts" in text
    assert ">3.0<" in text
    assert "By MRR" not in text


def test_s_26_the_trend_goes_by_sending_or_by_answer_and_arrows_need_significance(client, anna, vera, now):
    customer = make_customer(owner=anna)
    june, july = datetime(2025, 6, 10, tzinfo=UTC), datetime(2025, 7, 10, tzinfo=UTC)
    give(customer, [10] * 10 + [0] * 40, at=july, sent_at=june)
    give(customer, [10] * 40 + [0] * 10, at=july + timedelta(hours=1), sent_at=july)
    give(customer, [10] * 39 + [0] * 11, at=july + timedelta(days=31), sent_at=july + timedelta(days=30))
    held = slices.series_list()[0]
    rows = slices.answers(Slice(series=held.key), held.scale)
    common = {
        "zone": slices.organisation.zone(),
        "policy": SurveyPolicy(),
        "today": now.date(),
        "is_share": False,
    }
    sent = scores.trend(rows, held.scale, basis="sent", **common)
    assert [(month.month.month, month.tally.n, month.way) for month in sent] == [
        (6, 50, "unknown"), (7, 50, "up"), (8, 50, "same"),
    ]  # fmt: skip
    assert [month.tally.n for month in scores.trend(rows, held.scale, basis="answered", **common)] == [
        100,
        50,
    ]
    client.force_login(vera)
    assert "by the month the first mail was sent" in page(client, "scores")
    assert "by the month of the answer, every answer" in page(client, "scores", "?basis=answered")


def test_s_30_a_month_of_sending_is_final_after_its_last_answers_can_have_come(now, three):
    held = slices.series_list()[0]
    rows = slices.answers(Slice(series=held.key), held.scale)
    for day, final in (((2026, 3, 20), False), ((2026, 4, 20), False), ((2026, 5, 1), True)):
        today = datetime(*day, tzinfo=UTC).date()
        (month,) = scores.trend(
            rows, held.scale, basis="sent", zone=slices.organisation.zone(), policy=SurveyPolicy(), today=today, is_share=False,
        )  # fmt: skip
        assert month.is_final is final


def test_s_205_a_filter_that_leaves_single_people_over_shows_nothing(client, three, vera, vic):
    client.force_login(vic)
    assert ">+44<" in page(client, "scores")
    hidden = page(client, "scores", "?segment=big")  # 7 of 9: the other two would be given away
    assert "Hidden: these filters" in hidden
    assert "n = 7" not in hidden
    client.force_login(vera)
    assert "n = 7 answers" in page(client, "scores", "?segment=big")


def test_s_27_few_answers_have_no_score_and_no_distribution(client, anna, vera, now):
    give(make_customer(owner=anna), [10] * 4, at=now)
    client.force_login(vera)
    text = page(client, "scores")
    assert "4 answers: too few for a score" in text
    assert "+100" not in text
    assert "Answers per score" not in text


def test_s_27_the_finite_population_factor_is_an_option_that_narrows(client, three, vera):
    client.force_login(vera)
    for number in range(12):
        make_contact(three[0], f"n{number}@x.example")
    assert "finite population factor, which does not cure" not in page(client, "scores")
    assert "finite population factor, which does not cure" in page(client, "scores", "?fpc=1")


def test_filters_that_cannot_be_read_are_left_out(client, three, vera):
    client.force_login(vera)
    for query in (
        "?span=9999-99&owner=x&bucket=%00&topic=-1&series=no",
        "?span=0000-00&phase=%00&method=none",
        "?span=9999-12",
    ):
        assert "<h1>Scores</h1>" in page(client, "scores", query)
        assert "Side by side" in page(client, "comparison", query + "&a=wave-x&b=%00")


@pytest.fixture
def asked(anna, vera, now):
    """One wave: three customers with two contacts, four answers, one of them suspect."""
    message, _ = make_sent_message(anna, by=vera, now=now)
    return message


def test_s_34_the_funnel_in_parts_pools_counts_and_shows_suspects(client, asked, vera, now):
    answer(asked, 9, now=now, comment="Fine")
    Invitation.objects.filter(pk=asked.invitation_id).update(response_state="answered")
    client.force_login(vera)
    for part in ("wave", "segment", "language", "domain", "customer"):
        text = page(client, "funnel_panel", f"?campaign={asked.invitation.wave.campaign_id}&by={part}")
        assert "<td" in text
        assert "100%" in text.replace("\u00a0", "").replace(" ", "") or "too few to show" in text


def test_s_35_a_domain_nobody_visits_from_is_a_finding():
    line = Line("x.example", "x.example", 30, 0, 20, 0, 0, 0, 0, 0)
    assert "may not arrive" in line.finding
    assert Line("x", "x", 30, 0, 19, 0, 0, 0, 0, 0).finding == ""
    assert "only suspect" in Line("x", "x", 3, 0, 3, 0, 0, 0, 0, 2).finding
    assert (line.response_rate, line.completion, line.suspect_rate) == (0, None, None)
    pooled = Line("x", "x", 50, 0, 50, 0, 50, 41, 0, 0)
    assert round(100 * pooled.response_rate) == 82


def test_s_25_the_comparison_names_the_paired_test_for_the_same_people(client, anna, vera, now):
    customer = make_customer(owner=anna)
    for number in range(12):
        contact = make_contact(customer, f"p{number}@x.example")
        give(customer, [3], at=datetime(2026, 1, 10, tzinfo=UTC), contact=contact)
        give(customer, [9], at=datetime(2026, 2, 10, tzinfo=UTC), contact=contact)
    client.force_login(vera)
    text = page(client, "comparison", "?a=2026-01&b=2026-02")
    assert "same people, exact two-sided sign test, 12 people answered both times" in text
    assert "Up: the change is significant" in text
    other = page(client, "comparison", "?a=2026-02&b=2025-12")
    assert "independent groups, two-sided z test" in other
    assert "Too few answers to compare" in other


def test_s_213_who_answered_of_those_invited_by_role(asked, now):
    answer(asked, 9, now=now)
    series = slices.series_list()[0]
    (wave,) = comparison.waves_of(series)
    found = comparison.biases(Slice(wave=wave.pk))
    (line,) = found["role"]
    assert (line.invited, line.answered, line.share_invited, line.share_answered) == (1, 1, 100, 100)
    assert comparison.biases(Slice(wave=wave.pk, segment="none such"))["plan"] == []


def test_a_campaigns_results_can_be_read_by_wave(client, asked, vera, now):
    answer(asked, 9, now=now)
    wave = asked.invitation.wave
    client.force_login(vera)
    text = page(client, "results", f"?wave={wave.pk}", wave.campaign_id)
    assert "1 counted answer<" in text
    assert url("funnel_panel") in text


def test_s_207_two_waves_without_an_answer_are_silence(client, asked, anna, vera, carl, vic, now):
    contact = asked.invitation.contact
    assert unheard.silent_contacts(anna, as_of=now) == []
    contact.name, contact.role = "Zyx Silent", "Decision_maker"
    contact.save(update_fields=["name", "role"])
    wave = asked.invitation.wave
    again = wave.__class__.objects.create(campaign=wave.campaign, version=wave.version, number=77)
    second = Invitation.objects.create(
        wave=again, contact=contact, customer=contact.customer, text=asked.invitation.text,
        email_norm=contact.email, expires_at=now + timedelta(days=9),
    )  # fmt: skip
    Message.objects.create(
        invitation=second, not_before=now, max_at=now, message_id="second", delivery_state="sent", accepted_at=now, settled_by="reply",
    )  # fmt: skip
    (line,) = unheard.silent_contacts(anna, as_of=now)
    assert (line.contact, line.waves, line.looked, line.is_key) == (contact, 2, False, True)
    for person, sees in ((vera, True), (anna, True), (carl, False), (vic, False)):
        client.force_login(person)
        assert ("Zyx Silent" in page(client, "silence")) is sees
    Invitation.objects.filter(pk=second.pk).update(response_state="visited")
    assert unheard.silent_contacts(anna, as_of=now)[0].looked
    Invitation.objects.filter(pk=second.pk).update(response_state="answered")
    assert unheard.silent_contacts(anna, as_of=now) == []
    assert unheard.silent_customers(vera, as_of=now) == []


def test_s_13_the_marks_are_named_at_the_foot_of_survey_pages(client, three, vera):
    client.force_login(vera)
    for name in ("scores", "comparison", "responses", "campaigns"):
        assert "Net Promoter Score are marks of NICE Satmetrix" in page(client, name)
