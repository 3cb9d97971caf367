"""What a person types to launch, resume, adjust and extend, and the words of one language."""

from collections.abc import Mapping
from typing import Any

from django import forms

from surveys.forms.campaigns import WindowFields, own_words
from surveys.formulas import extra
from surveys.models import CampaignText
from surveys.services.standard_words import TEXT_FIELDS
from surveys.words import catalogue

LINE = 90  # characters that fit one line of a form
TYPES = [
    ("", "no question"),
    (extra.TEXT, "words"),
    (extra.CHOICE, "one of some answers"),
    (extra.SCALE5, "1 to 5"),
]
WHENS = [
    ("", "everybody"),
    ("negative", "the unhappy"),
    ("neutral", "those in between"),
    ("positive", "the happy"),
]
LABELS = {
    "question": "Question",
    "subject": "Subject of the mail",
    "preheader": "Line under the subject",
    "intro": "First sentence",
    "prompt": "Then ask (score not known yet)",
    "prompt_negative": "Then ask the unhappy",
    "prompt_neutral": "Then ask those in between",
    "prompt_positive": "Then ask the happy",
    "thank_you": "Thank-you",
}


class CountForm(forms.Form):
    """The number of people, typed once or twice, when the audience is large; the reason of a pause, acknowledged."""

    typed_count = forms.IntegerField(required=False, min_value=0, label="Number of people")
    typed_again = forms.IntegerField(required=False, min_value=0, label="Number of people, once more")
    acknowledged = forms.BooleanField(required=False)


class AdjustForm(WindowFields):
    """What may change after launch."""

    reminders = forms.TypedChoiceField(coerce=int, empty_value=0)

    def __init__(self, *args: Any, most: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reminders"].choices = [(number, str(number)) for number in range(most + 1)]
        self.fields["ends_on"].required = True
        self.fields["ends_on"].help_text = ""


class ExtendForm(forms.Form):
    """Days more for collecting and reminding."""

    days = forms.IntegerField(min_value=1, max_value=30, initial=14, label="Days")


class WordsForm(forms.Form):
    """Every word of one language, and up to three further questions. Empty words are the standard ones."""

    def __init__(self, *args: Any, language: str, text: CampaignText | None = None, **kwargs: Any) -> None:
        initial = _initial(text) if text else {}
        super().__init__(*args, initial=initial, **kwargs)
        for name in TEXT_FIELDS:
            field = CampaignText._meta.get_field(name)
            widget = forms.TextInput() if field.max_length <= LINE else forms.Textarea(attrs={"rows": 2})
            self.fields[name] = forms.CharField(
                label=LABELS[name], required=False, max_length=field.max_length, widget=widget
            )
        for number in range(1, extra.MOST + 1):
            self.fields[f"type_{number}"] = forms.ChoiceField(
                label="Answered by", choices=TYPES, required=False
            )
            self.fields[f"text_{number}"] = forms.CharField(
                label="Question", required=False, max_length=extra.MAX_QUESTION
            )
            self.fields[f"options_{number}"] = forms.CharField(
                label="Answers, one per line", required=False, widget=forms.Textarea(attrs={"rows": 3})
            )
            self.fields[f"when_{number}"] = forms.ChoiceField(label="Asked of", choices=WHENS, required=False)
        for made in self.fields.values():
            if isinstance(made, forms.CharField):  # the labels stay in the reader's own language
                made.widget.attrs |= {"lang": language, "dir": catalogue.direction(language)}

    @property
    def own_words(self) -> list[forms.BoundField]:
        return [self[name] for name in TEXT_FIELDS]

    @property
    def questions(self) -> list[tuple[int, list[forms.BoundField]]]:
        """(number, its four fields)."""
        names = ("type", "text", "options", "when")
        return [(number, [self[f"{name}_{number}"] for name in names]) for number in range(1, extra.MOST + 1)]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for fault in extra.faults(self.further()):
            self.add_error(None, fault)
        return data

    def words(self) -> Mapping[str, str]:
        return {name: self.cleaned_data.get(name, "") for name in TEXT_FIELDS}

    def further(self) -> list[dict[str, Any]]:
        """The further questions as they are stored; one without a type is none."""
        data, found = self.cleaned_data, []
        for number in range(1, extra.MOST + 1):
            kind = data.get(f"type_{number}")
            if not kind:
                continue
            lines = [line.strip() for line in data.get(f"options_{number}", "").splitlines() if line.strip()]
            found.append(
                {
                    "key": f"q{number}",
                    "type": kind,
                    "question": data.get(f"text_{number}", ""),
                    "options": lines if kind == extra.CHOICE else [],
                    "when": data.get(f"when_{number}", ""),
                }
            )
        return found


def _initial(text: CampaignText) -> dict[str, Any]:
    found: dict[str, Any] = dict(own_words(text))
    for number, one in enumerate(text.extra, 1):
        found |= {
            f"type_{number}": one["type"],
            f"text_{number}": one["question"],
            f"options_{number}": "\n".join(one["options"]),
            f"when_{number}": one["when"],
        }
    return found
