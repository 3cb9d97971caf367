"""What changed between two bodies, in sentences."""

from copy import deepcopy

import pytest

from metrics.formulas.health_diff import differences
from metrics.formulas.health_starter import empty_actions_body, starter_body


def after(change):
    body = starter_body()
    change(body)
    return differences(starter_body(), body)


def usage(body):
    return body["groups"][0]


def pulse(body):
    return body["groups"][2]["measures"][1]


def test_equal_bodies_have_no_difference():
    assert differences(starter_body(), starter_body()) == ()


def test_a_weight_is_told_with_its_share_before_and_after():
    assert after(lambda body: usage(body).update(weight=500_000)) == (
        "Usage 35 → 50 (35 % → 43 % of the weight).",
    )
    assert after(lambda body: pulse(body).update(weight=30_000)) == (
        "CSM pulse 1 → 3 (10 % → 15 % of the weight).",
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda body: usage(body).update(rule="min"), "Usage takes the weakest link instead of the mean."),
        (lambda body: usage(body).update(title="Use"), "Group Usage is called Use."),
        (
            lambda body: pulse(body).update(missing="block"),
            "CSM pulse, when missing: left out → no score.",
        ),
        (
            lambda body: pulse(body).update(fresh_for=10, expires_after=20),
            "CSM pulse: fresh for 30 days, gone after 90 → fresh for 10 days, gone after 20.",
        ),
        (
            lambda body: pulse(body).update(fresh_for=None, expires_after=None),
            "CSM pulse: fresh for 30 days, gone after 90 → never ages.",
        ),
        (lambda body: pulse(body).update(neutral=60_000_000), "CSM pulse: neutral points 50 → 60."),
        (
            lambda body: pulse(body).update(curve={"type": "percentile"}),
            "CSM pulse: curve line (1 gives 0, 5 gives 100) → rank among all (at least 8 peers).",
        ),
        (
            lambda body: pulse(body).update(
                curves=[{"by": "phase", "is": "renewal", "curve": pulse(body)["curve"]}]
            ),
            "CSM pulse: own curve in the phase renewal, line (1 gives 0, 5 gives 100).",
        ),
        (lambda body: body["edges"][0].update(at=45_000_000), "Watch begins at 45 instead of 40."),
        (lambda body: body["edges"][0].update(side="lower"), "A score of exactly 40 counts downwards."),
        (lambda body: body["bands"][0].update(label="Red"), "Band At risk is called Red."),
        (lambda body: body["bands"][0].update(tone="amber"), "Band At risk: red → amber."),
        (lambda body: body.update(min_coverage=6_000), "Least weight with a reading 50 % → 60 %."),
        (
            lambda body: body.update(caps=[{"of": "usage", "below": 20_000_000, "at_most": 60_000_000}]),
            "Cap added: Usage below 20, at most 60.",
        ),
        (
            lambda body: body["groups"].reverse(),
            "Order of the groups: Commercial, Support, Sentiment, Outcomes and adoption, Usage.",
        ),
        (lambda body: body["groups"].pop(3), "Group Support removed."),
        (
            lambda body: body["groups"][2]["measures"].pop(),
            "CSM pulse removed (10 % of the weight).",
        ),
        (
            lambda body: usage(body)["measures"].append(body["groups"][2]["measures"].pop()),
            "CSM pulse moved from Sentiment to Usage.",
        ),
    ],
)  # fmt: skip
def test_every_part_of_a_card_has_its_sentence(change, said):
    assert said in after(change)


def test_what_no_sentence_tells_is_still_told():
    body = starter_body()
    body["caps"] = [{"of": "usage", "below": 1, "at_most": 2}, {"of": "support", "below": 1, "at_most": 2}]
    other = deepcopy(body)
    other["caps"].reverse()
    assert differences(body, other) == ("Only the order or the spelling changed.",)


def test_actions_are_told_by_impact_and_limits():
    before, body = empty_actions_body(), empty_actions_body()
    before["actions"] = [{"measure": "invite", "title": "Invite", "impact": 10_000}]
    body["actions"] = [
        {
            "measure": "invite",
            "title": "Invite",
            "impact": 25_000,
            "impacts": [{"segment": "tier=gold", "impact": 50_000}],
            "max_count": 5,
        },
        {"measure": "bug", "title": "Bug report", "impact": -50_000},
    ]
    body["window_days"] = 60
    assert differences(before, body) == (
        "Window 30 → 60 days.",
        "Invite: impact 1 → 2.5.",
        "Invite, impacts per segment: none → tier=gold 5.",
        "Invite: no limit → at most 5.",
        "Bug report added, impact -5.",
    )


def test_card_rules_are_told_by_segment():
    before = {
        "kind": "rules",
        "rules": [{"when": ["tier=gold"], "card": "gold"}, {"when": ["plan=free"], "card": "free"}],
        "default": "core",
    }
    body = {
        "kind": "rules",
        "rules": [{"when": ["plan=free"], "card": "core"}, {"when": ["region=EU"], "card": "eu"}],
        "default": "base",
    }
    assert differences(before, body) == (
        "Everybody else: core → base.",
        "Rule removed: tier=gold → gold.",
        "plan=free: free → core.",
        "Rule 2 added: region=EU → eu.",
    )
    assert differences(before, starter_body()) == ("Another kind: rules → weighted.",)
