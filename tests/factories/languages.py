"""Further languages of a draft for tests."""

from surveys.models import CampaignText, CampaignVersion
from surveys.services import standard_words


def speak(campaign, *languages, extra=None, company="Kestrel", **version):
    """Give a draft its standard words in these languages, and other values of its version.

    `extra` maps a language to its further questions.
    """
    kind = campaign.current.kind
    CampaignVersion.objects.filter(pk=campaign.current_id).update(**version)
    for language in languages:
        words = standard_words.standard_words(kind, company=company, language=language)
        words["extra"] = (extra or {}).get(language, [])
        CampaignText.objects.update_or_create(
            version_id=campaign.current_id, language=language, defaults=words
        )
    campaign.current.refresh_from_db()
    return campaign
