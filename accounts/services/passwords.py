"""Rules for passwords beyond Django's: long, anything allowed, but not made of our own words."""

import re
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from accounts.models import User
from accounts.queries import organisation

LEAST_WORD = 4  # letters; shorter words occur by chance
LEAST_REST = 8  # characters that must be left when our own words are taken out


class OwnWordsValidator:
    """Refuses passwords that are little more than the names of product, company, site or person."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise when fewer than 8 characters are left after taking out our own words."""
        rest = password.lower()
        for word in sorted(self._words(user), key=len, reverse=True):
            rest = rest.replace(word, "")
        if len(rest) < LEAST_REST:
            text = "This is made of words that go with this site. Use words nobody would connect with it."
            raise ValidationError(text, code="password_own_words")

    def get_help_text(self) -> str:
        """One line for forms."""
        return "Not the name of the product, the company or yourself."

    def _words(self, user: User | None) -> set[str]:
        sources = [
            "tend",
            "password",
            "customer success",
            organisation.current().name,
            urlsplit(settings.SITE_URL).hostname or "",
        ]
        if user is not None:
            sources += [user.name, user.email]
        words = {word for source in sources for word in re.split(r"[\W_]+", source.lower())}
        return {word for word in words if len(word) >= LEAST_WORD}
