"""The effort question about a lifecycle phase instead of an issue, and the phases in a sentence."""

from collections.abc import Mapping
from types import MappingProxyType

QUESTIONS: Mapping[str, str] = MappingProxyType(
    {
        "en": "To what extent do you agree or disagree with the following statement: "
        "{company} made it easy to complete {phase}.",
        "de": "Inwieweit stimmen Sie der folgenden Aussage zu oder nicht zu: "
        "{company} hat es leicht gemacht, {phase} abzuschließen.",
        "fr": "Dans quelle mesure êtes-vous d’accord avec l’affirmation suivante : "
        "{company} a rendu facile l’étape suivante : {phase}.",
        "es": "¿En qué medida está de acuerdo con la siguiente afirmación? {company} hizo fácil completar {phase}.",
        "ar": "إلى أي مدى توافق على العبارة التالية: جعلت {company} إتمام {phase} أمرًا سهلًا.",
    }
)
PHASES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "sales": "the purchase",
            "onboarding": "the onboarding",
            "adoption": "the roll-out to your team",
            "value": "the way to your first results",
            "renewal": "the renewal",
            "expansion": "the expansion",
            "advocacy": "the reference we asked for",
        },
        "de": {
            "sales": "den Kauf",
            "onboarding": "die Einführung",
            "adoption": "die Einführung im Team",
            "value": "den Weg zu den ersten Ergebnissen",
            "renewal": "die Verlängerung",
            "expansion": "die Erweiterung",
            "advocacy": "die Referenz, um die wir baten,",
        },
        "fr": {
            "sales": "l’achat",
            "onboarding": "la mise en route",
            "adoption": "le déploiement dans votre équipe",
            "value": "l’obtention des premiers résultats",
            "renewal": "le renouvellement",
            "expansion": "l’extension",
            "advocacy": "la référence demandée",
        },
        "es": {
            "sales": "la compra",
            "onboarding": "la puesta en marcha",
            "adoption": "la implantación en su equipo",
            "value": "el camino hacia los primeros resultados",
            "renewal": "la renovación",
            "expansion": "la ampliación",
            "advocacy": "la referencia que le pedimos",
        },
        "ar": {
            "sales": "الشراء",
            "onboarding": "التهيئة",
            "adoption": "التعميم على فريقك",
            "value": "الوصول إلى أولى النتائج",
            "renewal": "التجديد",
            "expansion": "التوسعة",
            "advocacy": "التوصية التي طلبناها",
        },
    }
)


def question(language: str, *, company: str, phase: str) -> str:
    """The effort question about that phase, in English where the language is unknown."""
    known = language if language in QUESTIONS else "en"
    return QUESTIONS[known].format(company=company, phase=PHASES[known][phase])
