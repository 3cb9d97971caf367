"""A topic as people write it: a name, and terms per language separated by commas."""

from collections.abc import Sequence
from typing import Any

from django import forms

from surveys.models import Topic

MOST_CHARACTERS = 3000


class TopicForm(forms.Form):
    """Name and one list of terms per language."""

    name = forms.CharField(max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, languages: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.languages = languages
        for code, name in languages:
            self.fields[f"terms_{code}"] = forms.CharField(
                label=f"Terms, {name}",
                required=False,
                max_length=MOST_CHARACTERS,
                widget=forms.Textarea(attrs={"rows": 2}),
                help_text="Beginnings of words, separated by commas: slow, time out, crash"
                if code == "en"
                else "",
            )

    def clean_name(self) -> str:
        """Names are stored as text of a database."""
        return self.cleaned_data["name"].replace("\x00", "").strip()

    def terms(self) -> dict[str, list[str]]:
        """Terms per language; commas and line breaks both part them."""
        return {
            code: [
                term.replace("\x00", "").strip() for term in self._text(code).replace("\n", ",").split(",")
            ]
            for code, _ in self.languages
        }

    def _text(self, code: str) -> str:
        return str(self.cleaned_data.get(f"terms_{code}") or "")


def initial_of(topic: Topic) -> dict[str, str]:
    """What the form shows of a stored topic."""
    return {"name": topic.name} | {f"terms_{code}": ", ".join(listed) for code, listed in topic.terms.items()}
