"""The further questions behind stored answers, in the words their readers saw."""

from collections.abc import Iterable

from surveys.formulas import extra
from surveys.formulas.extra import Extra
from surveys.models import CampaignText, Response


def questions_of(answers: Iterable[Response]) -> dict[int, tuple[Extra, ...]]:
    """Questions by answer, for those with further answers: one query, none where nobody gave any.

    In the language of the answer where the campaign has it, else in another: all languages ask the same.
    """
    held = [row for row in answers if row.extra and row.campaign_id is not None]
    if not held:
        return {}
    texts = CampaignText.objects.filter(version__campaign__in={row.campaign_id for row in held})
    rows = texts.values_list("version__campaign", "language", "extra").order_by("version", "pk")
    words: dict[int, dict[str, tuple[Extra, ...]]] = {}
    for campaign, language, raw in rows:
        words.setdefault(campaign, {})[language] = extra.parse(raw)
    return {row.pk: _best(words.get(row.campaign_id, {}), row.language) for row in held}


def _best(by_language: dict[str, tuple[Extra, ...]], language: str) -> tuple[Extra, ...]:
    return by_language.get(language) or next(iter(by_language.values()), ())
