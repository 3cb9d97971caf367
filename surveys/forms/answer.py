"""What a contact sends. Shape only; whether it may be recorded is for the service."""

from collections.abc import Sequence
from typing import Any

from django import forms

from surveys.formulas import extra, scales
from surveys.formulas.scales import SCALES
from surveys.services.responses import MAX_COMMENT

KEPT_CONTROLS = "\n\t"


class AnswerForm(forms.Form):
    """Score on the scale of its kind, an optional comment, two boxes, and the answers to further questions.

    `wrong` names the faults of further questions by their key, `extra` holds the sound answers.
    """

    score = forms.IntegerField(error_messages={"required": "", "invalid": ""})
    comment = forms.CharField(required=False, strip=True)
    contact_me = forms.BooleanField(required=False)
    remove_comment = forms.BooleanField(required=False)
    form = forms.CharField(required=False)

    def __init__(self, data: Any, *, kind: str, questions: Sequence[extra.Extra] = ()) -> None:
        super().__init__(_without_controls(data))
        self._kind, self._questions = kind, questions
        self.extra: dict[str, Any] = {}
        self.wrong: dict[str, str] = {}

    def clean_score(self) -> int:
        score: int = self.cleaned_data["score"]
        if not SCALES[self._kind].holds(score):
            raise forms.ValidationError("off the scale")
        return score

    def clean_comment(self) -> str:
        comment: str = self.cleaned_data["comment"].replace("\r\n", "\n")
        if len(comment) > MAX_COMMENT:
            raise forms.ValidationError("too long")
        return comment

    def clean(self) -> dict[str, Any]:
        """Answers to the questions of the bucket the score lies in."""
        score = self.cleaned_data.get("score")
        bucket = "" if score is None else scales.bucket(self._kind, score)
        self.extra, self.wrong = extra.read(self._questions, self.data, bucket)
        if self.wrong:
            raise forms.ValidationError("a further question")
        return self.cleaned_data


def _without_controls(data: Any) -> dict[str, str]:
    """The posted text without control characters (S-95) and half characters; line ends and tabs stay."""
    return {
        name: "".join(
            c
            for c in str(value).replace("\r\n", "\n").encode("utf-8", "replace").decode()
            if (c >= " " and c != "\x7f") or c in KEPT_CONTROLS
        )
        for name, value in data.items()
    }
