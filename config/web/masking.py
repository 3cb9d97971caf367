"""Secrets of mailed links never reach a log: lines are masked as they are written (S-91)."""

import logging
import re

# What follows these paths is a secret: answer and way out of a survey mail, invitation of a user, new password.
_SECRET = re.compile(r"""(?<!\w)((?:s|u|invite|password/reset/key)/)[^/\s?#&"'<>(),\]]+""")


def masked(text: str) -> str:
    """The text with every secret of a path replaced by stars; the path stays readable."""
    return _SECRET.sub(r"\1***", text)


class MaskedFormatter(logging.Formatter):
    """A formatter whose whole line is masked: message, exception and stack."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))
