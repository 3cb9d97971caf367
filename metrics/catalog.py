"""What each metric means, in words: the one text that tiles, metric pages and documentation show."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One metric. `unit` is money, rate, score, share or ratio; `better` is up, down or empty."""

    key: str
    title: str
    unit: str
    better: str
    meaning: str
    formula: str


_METRICS = (
    Metric(
        "mrr",
        "MRR",
        "money",
        "up",
        "Value of one month of every line in force at the end of the period, tax and one-off amounts excluded.",
        "opening + new + reactivation + expansion + contraction + churn + fx = closing",
    ),
    Metric(
        "nrr_12m",
        "NRR, 12 months",
        "rate",
        "up",
        "What the customers who paid a year ago pay now. Who came since does not count.",
        "their MRR now / their MRR then",
    ),
    Metric(
        "grr_12m",
        "GRR, 12 months",
        "rate",
        "up",
        "What is left of last year’s MRR before any expansion, customer by customer. Never above 100 %.",
        "sum of min(then, now) per customer / their MRR then",
    ),
    Metric(
        "logo_churn_rate",
        "Logo churn",
        "rate",
        "down",
        "Customers who paid at the opening and no longer pay at the close. Who joined and left inside is in neither part.",
        "customers lost / customers paying at opening",
    ),
    Metric(
        "gross_mrr_churn_rate",
        "Gross MRR churn",
        "rate",
        "down",
        "MRR that the customers of the opening lost by leaving or shrinking, as a share of the opening.",
        "(churn + contraction of the opening base) / opening MRR",
    ),
    Metric(
        "arpa_close",
        "ARPA",
        "money",
        "up",
        "Mean MRR of a paying customer at the close.",
        "closing MRR / paying customers at close",
    ),
    Metric(
        "quick_ratio",
        "Quick ratio",
        "ratio",
        "up",
        "MRR gained for each unit of MRR lost in the period.",
        "(new + expansion + reactivation) / (contraction + churn)",
    ),
    Metric(
        "nps",
        "NPS",
        "score",
        "up",
        "Promoters (9 and 10) less detractors (0 to 6) among the latest answer of each contact in 90 days.",
        "100 × (promoters − detractors) / answers",
    ),
    Metric(
        "csat",
        "CSAT",
        "share",
        "up",
        "Share of answers in the two top boxes, by the day the invitation was sent. Neutral answers stay in the total.",
        "100 × satisfied / answers",
    ),
    Metric(
        "ces",
        "CES",
        "share",
        "up",
        "Share of answers that agree it was easy (5 to 7 of 7), by the day the invitation was sent.",
        "100 × agreeing / answers",
    ),
    Metric(
        "stickiness",
        "Stickiness",
        "rate",
        "up",
        "Mean daily product users of the last 30 days as a share of the users of those 30 days.",
        "mean DAU of 30 days / MAU",
    ),
)
METRICS: Mapping[str, Metric] = {metric.key: metric for metric in _METRICS}

# Why a number cannot be computed, in words (rule G-3).
REASONS: Mapping[str, str] = {
    "zero_denominator": "there was nothing to divide by at the opening",
    "no_losses": "nothing was lost in the period",
    "no_churn": "nobody left in the period",
    "too_few": "there are too few to say",
    "immature": "there are not yet 12 months of history",
    "not_reached": "it has not been reached yet",
    "no_data": "there is no data yet",
    "insufficient_data": "there is not enough data",
    "missing_rate": "an exchange rate is missing",
    "not_configured": "it is not set up",
}
