"""A draft of the definition as a form: one field per config key, each read and refused by its own rule."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from metrics.formulas.definition import KEYS, NOT_REPRODUCED, Definition, Key, as_texts, parse_truth
from metrics.services.definitions import NOT_BUILT

NOTE_LENGTH = 300
PRESET = "preset"


def text_of(value: object) -> str:
    """A config value as it is typed."""
    if value is None:
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def breakable(words: str) -> SafeString:
    """Words joined by underscores that may go on in the next line, so that a narrow page holds them."""
    return format_html_join(mark_safe("_<wbr>"), "{}", ((part,) for part in words.split("_")))


class KeyField(forms.CharField):
    """One config key."""

    def __init__(self, key: Key) -> None:
        self.key = key
        widget = forms.Select(choices=_choices(key)) if key.choices or key.parse is parse_truth else None
        super().__init__(
            label=breakable(key.name),
            required=not key.empty,
            max_length=64,
            widget=widget,
            help_text=key.sentence
            if widget
            else f"{key.sentence} {key.expected[:1].upper()}{key.expected[1:]}.",
        )

    def clean(self, value: Any) -> Any:
        """The text, when the key can read it."""
        text = "" if value is None else str(value).strip()
        try:
            self.key.read(text)
        except ValueError as error:
            raise forms.ValidationError(f"{error}.") from error
        return text


class DefinitionForm(forms.Form):
    """All keys with the values of `base`, and what the URL says instead."""

    preset = forms.ChoiceField(
        choices=[("", ""), *((name, name) for name in NOT_REPRODUCED)],
        required=False,
        widget=forms.HiddenInput,
    )

    def __init__(self, given: dict[str, str], *, base: Definition) -> None:
        super().__init__(texts_of(base) | given)
        for key in KEYS.values():
            self.fields[key.name] = KeyField(key)

    def values(self) -> dict[str, str]:
        """Cleaned texts by key."""
        return {name: self.cleaned_data[name] for name in KEYS}

    def groups(self) -> Iterator[tuple[str, list[Any]]]:
        """Groups of keys with their fields, as the definition lists them."""
        found: dict[str, list[Any]] = {}
        for key in KEYS.values():
            found.setdefault(key.group, []).append(self[key.name])
        yield from found.items()


class PublishDefinitionForm(forms.Form):
    """What is published: the draft as URL state, the version it was compared with, and why."""

    draft = forms.CharField(widget=forms.HiddenInput, max_length=6_000, required=False)
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    note = forms.CharField(
        label="What changes and why",
        max_length=NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Everybody reads it in the list of versions.",
    )

    def given(self) -> dict[str, str]:
        """The draft's state, read back."""
        return given_in(QueryDict(self.cleaned_data["draft"]))


def given_in(params: QueryDict) -> dict[str, str]:
    """The state of a draft in a URL: the last value of each name."""
    return {name: str(params.get(name) or "") for name in params}


def texts_of(definition: Definition) -> dict[str, str]:
    """All values as they are typed."""
    return {name: text_of(value) for name, value in as_texts(definition).items()}


def _choices(key: Key) -> list[tuple[str, str]]:
    missing = NOT_BUILT.get(key.name, ())
    words = key.choices or ("true", "false")
    return [(word, f"{word} (cannot be computed yet)" if word in missing else word) for word in words]
