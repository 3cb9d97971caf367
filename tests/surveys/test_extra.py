"""Further questions: what may be asked, when it shows, what is kept of the answers."""

import pytest

from surveys.formulas import extra

WHY = {"key": "why", "type": "text", "question": "What went wrong?", "when": "negative"}
USE = {"key": "use", "type": "choice", "question": "How do you use it?", "options": ["Daily", "Weekly"]}
EASE = {"key": "ease", "type": "scale5", "question": "How easy is it?", "options": [], "when": ""}


def test_s_211_three_sound_questions_have_no_fault():
    assert extra.faults([WHY, USE, EASE]) == []
    assert [one.field for one in extra.parse([WHY, USE, EASE])] == ["x_why", "x_use", "x_ease"]


@pytest.mark.parametrize(
    "raw",
    [
        [WHY, USE, EASE, {**WHY, "key": "four"}],
        [WHY, WHY],
        ["why"],
        {},
        [{**WHY, "key": "W H Y"}],
        [{**WHY, "type": "stars"}],
        [{**WHY, "question": " "}],
        [{**WHY, "question": "x" * 201}],
        [{**WHY, "when": "always"}],
        [{**WHY, "options": ["a", "b"]}],
        [{**USE, "options": ["only one"]}],
        [{**USE, "options": ["a", "a"]}],
        [{**USE, "options": ["a", ""]}],
        [{**USE, "options": [1, 2]}],
        [{**USE, "options": [str(n) for n in range(9)]}],
    ],
)
def test_s_211_other_questions_are_refused(raw):
    assert extra.faults(raw)


def test_languages_must_ask_the_same():
    german = [{**USE, "question": "Wie nutzen Sie es?", "options": ["Täglich", "Wöchentlich"]}]
    assert extra.same_shape([USE], german)
    assert not extra.same_shape([USE], [{**german[0], "options": ["Täglich", "Nie", "Oft"]}])
    assert not extra.same_shape([USE], [{**german[0], "key": "other"}])
    assert not extra.same_shape([USE], [])


def test_answers_are_kept_by_key_and_only_those_of_the_bucket():
    questions = extra.parse([WHY, USE, EASE])
    posted = {"x_why": " Slow ", "x_use": "2", "x_ease": "5"}
    assert extra.read(questions, posted, "negative") == ({"why": "Slow", "use": 2, "ease": 5}, {})
    assert extra.read(questions, posted, "positive") == ({"use": 2, "ease": 5}, {})
    assert extra.read(questions, {"x_use": ""}, "") == ({}, {})


@pytest.mark.parametrize(
    ("field", "value"), [("x_use", "3"), ("x_use", "0"), ("x_ease", "6"), ("x_ease", "٣")]
)
def test_an_option_that_was_not_offered_is_wrong(field, value):
    answers, wrong = extra.read(extra.parse([USE, EASE]), {field: value}, "")
    assert (answers, wrong) == ({}, {field.removeprefix("x_"): "option"})


def test_a_long_text_is_wrong_and_not_kept():
    assert extra.read(extra.parse([WHY]), {"x_why": "x" * 1001}, "negative") == ({}, {"why": "long"})


def test_answers_are_read_out_in_words():
    questions = extra.parse([WHY, USE, EASE])
    assert extra.spoken(questions, {"use": 1, "gone": "x", EASE["key"]: 4}) == [
        ("How do you use it?", "Daily"),
        (EASE["question"], "4 of 5"),
    ]
    assert extra.spoken(questions, {"use": 9}) == [("How do you use it?", "9")]
