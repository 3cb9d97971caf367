from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.template import Context, Template

NOW = datetime(2026, 3, 16, 10, 0, tzinfo=UTC)


def render(text, **context):
    return Template("{% load ui %}" + text).render(Context({"now": NOW, **context}))


def test_a_band_has_number_and_word_and_without_a_score_it_is_grey():
    assert render("{% band 58 'amber' %}") == '<span class="band watch"><b>58</b> <i>Watch</i></span>'
    assert render("{% band None 'green' %}") == '<span class="band none"><i>No score</i></span>'
    assert "Thriving" in render("{% band 104 'blue' 'Thriving' %}")


def test_a_trend_has_arrow_sign_and_both_values():
    text = render("{% trend change 'From 71.2 on 18 Oct to 57.6 today' %}", change=Decimal("-13.6"))
    assert 'class="trend down"' in text
    assert 'title="From 71.2 on 18 Oct to 57.6 today"' in text
    assert "−13.6" in text
    assert 'class="trend up"' in render("{% trend 3 good='up' %}")
    assert 'class="trend down"' in render("{% trend 3 good='down' %}")
    assert "–" in render("{% trend None %}")


@pytest.mark.parametrize(
    "tag",
    [
        "{% avatar evil %}", "{% band 5 'green' evil %}", "{% disc 'green' evil %}", "{% trend 1 evil %}",
        "{% cause 'data' evil 1 %}", "{% mix parts evil %}", "{% spark values 'green' evil %}",
        "{% empty 'coffee' evil evil %}", "{{ evil|tone }}",
    ],
)  # fmt: skip
def test_text_of_people_is_text(tag):
    text = render(tag, evil='"><script>x</script>', parts=[(1, "good")], values=[1, 2, 3])
    assert "<script>" not in text
    assert '""' not in text


def test_an_avatar_keeps_its_colour_and_takes_odd_names():
    assert render("{% avatar 'Tarn & Vale Hotels' square=True %}").count(">TV<") == 1
    assert render("{% avatar name %}", name="") == render("{% avatar name %}", name="")
    assert ">?<" in render("{% avatar name %}", name="…")


def test_days_show_the_year_only_when_far():
    assert ">17 Mar<" in render("{% day d %}", d=date(2026, 3, 17))
    assert ">17 Mar 2027<" in render("{% day d %}", d=date(2027, 3, 17))
    assert 'datetime="2026-03-17"' in render("{% day d %}", d=date(2026, 3, 17))
    assert "–" in render("{% day d %}", d=None)


@pytest.mark.parametrize(
    ("back", "text"), [(5, "just now"), (300, "5\xa0min ago"), (7300, "2\xa0h ago"), (90000, "1\xa0d ago")]
)
def test_ages_have_one_unit(back, text):
    assert text in render("{% ago at %}", at=NOW - timedelta(seconds=back))


def test_a_spark_needs_two_values():
    assert "<svg" in render("{% spark values 'green' span=24 %}", values=[70, None, 72])
    assert "<svg" not in render("{% spark values %}", values=[70, None])
    assert "<svg" not in render("{% spark values %}", values=None)


def test_coverage_says_all_only_when_it_is_all():
    assert "99\xa0%" in render("{% cover share %}", share=Decimal("0.9999"))
    assert "100\xa0%" in render("{% cover share %}", share=Decimal(1))


def test_nothing_uses_a_style_attribute():
    text = render(
        "{% band 5 'red' %}{% cover share %}{% bar share %}{% mix parts 'x' %}{% avatar 'A B' %}{% icon 'sun' %}",
        share=Decimal("0.5"),
        parts=[(1, "good"), (2, "risk")],
    )
    assert "style" not in text


def test_a_script_carries_the_hash_of_its_content():
    assert 'integrity="sha384-' in render("{% script 'js/app.js' %}")
