"""Every failure mode F1 to F45 has a test by its name, and one that shows it happening with its guard switched off."""

import re
from pathlib import Path

from django.conf import settings

MODES = set(range(1, 46))
NAME = re.compile(r"^def test_((?:f\d+_)+)(\w+)", re.MULTILINE)


def named():
    """(mode, rest of the name) of every test that carries the id of a failure mode."""
    for path in (Path(settings.BASE_DIR) / "tests").rglob("test_*.py"):
        is_survey = path.parts[-2] in {"surveys", "failures"} or path.stem in {
            "test_survey_words", "test_survey_routes", "test_mail",
        }  # fmt: skip
        for ids, rest in NAME.findall(path.read_text()) if is_survey else ():
            for mode in re.findall(r"\d+", ids):
                yield int(mode), rest


def test_every_failure_mode_has_a_test():
    assert {mode for mode, _ in named()} == MODES


def test_every_failure_mode_is_shown_with_its_guard_off():
    assert {mode for mode, rest in named() if "guard_off" in rest} == MODES
