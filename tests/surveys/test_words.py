"""One catalogue of words: every language has every string, with the same names to fill in, within the limits."""

from dataclasses import fields
from string import Formatter

import pytest

from surveys.formulas.scales import SCALES
from surveys.models import CampaignText
from surveys.services.standard_words import standard_words
from surveys.words import catalogue
from surveys.words.form import KindWords, Words

COMPANY = "C" * 40  # as long as a campaign stores it
STRINGS = [field.name for field in fields(Words) if field.name != "kinds"]


def names_in(text):
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)


def strings_of(words):
    found = {name: getattr(words, name) for name in STRINGS}
    for kind, of_kind in words.kinds.items():
        for field in fields(KindWords):
            value = getattr(of_kind, field.name)
            values = value if isinstance(value, tuple) else (value,)
            found |= {f"{kind}.{field.name}.{n}": text for n, text in enumerate(values)}
    return found


@pytest.mark.parametrize("language", catalogue.languages())
def test_s_204_every_language_has_every_string_with_the_same_names(language):
    english, here = strings_of(catalogue.words("en")), strings_of(catalogue.words(language))
    assert here.keys() == english.keys()
    assert [name for name, text in here.items() if bool(text.strip()) != bool(english[name])] == []
    assert {name: names_in(text) for name, text in here.items()} == {
        name: names_in(text) for name, text in english.items()
    }


@pytest.mark.parametrize("language", [code for code in catalogue.languages() if code != "en"])
def test_s_204_no_string_is_left_in_english(language):
    english, here = strings_of(catalogue.words("en")), strings_of(catalogue.words(language))
    same = {name for name, text in here.items() if text and text == english[name]}
    assert same <= {"direction", "via_company", "error_title"}  # Spanish says "Error" too


@pytest.mark.parametrize("kind", SCALES)
@pytest.mark.parametrize("language", catalogue.languages())
def test_standard_words_fit_their_columns_and_their_scale(language, kind):
    words = standard_words(kind, company=COMPANY, about="S" * 80, language=language)
    for name, value in words.items():
        column = CampaignText._meta.get_field(name)
        values, limit = (value, 80) if name == "labels" else ([value], column.max_length)
        assert all(len(text) <= limit for text in values), name
        assert all("{" not in text for text in values), name
    assert len(words["labels"]) == (2 if kind == "nps" else len(SCALES[kind].points))
    assert len(set(words["labels"])) == len(words["labels"])
    assert len(words["preheader"]) in range(40, 91)


def test_english_labels_are_those_of_the_scale():
    assert {kind: scale.labels for kind, scale in SCALES.items()} == {
        kind: of_kind.labels for kind, of_kind in catalogue.words("en").kinds.items()
    }


def test_an_unknown_language_speaks_english_and_a_region_its_base():
    assert catalogue.known("de-AT") == "de"
    assert catalogue.known("tlh") == "en"
    assert catalogue.direction("ar") == "rtl"


def test_values_are_filled_once_and_cannot_turn_the_line():
    say = catalogue.Spoken("en", name="{company}\u202e", company="Kestrel")
    assert say["hello"] == "Hello {company},"
    with pytest.raises(catalogue.MissingValueError):
        catalogue.Spoken("en")["hello"]
