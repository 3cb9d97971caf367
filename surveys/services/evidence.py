"""What is known of one press of Send: how the client showed itself and which links it opened before."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from surveys.formulas import evidence
from surveys.formulas.evidence import Facts, Limits, Seen, Verdict
from surveys.models import LinkToken
from surveys.models.visit import NO_SCORE
from surveys.queries import links, policy

LIMITS = tuple(limit.name for limit in fields(Limits))


@dataclass(frozen=True)
class Press:
    """The HTTP side of one POST of an answer. `fingerprints` are today's and yesterday's of the same client.

    `typed_ms` and `input_events` are what the optional page script reports, 0 without it (`ran_script`).
    """

    fingerprints: tuple[str, ...] = ()
    form_issued_at: datetime | None = None
    is_scanner: bool = False
    is_chromium: bool = False
    fetch_mode: str = ""
    has_fetch_user: bool = False
    typed_ms: int = 0
    input_events: int = 0
    ran_script: bool = False


def verdict_on(
    *, link: LinkToken, press: Press, has_comment: bool, after_suspect: bool = False, now: datetime
) -> Verdict:
    """The judgement on a press of a link that was read by `links.find_for_press`."""
    limits = limits_of(link)
    seen = tuple(_seen(look) for look in link.looks)
    window = now - timedelta(minutes=limits.many_links_minutes)
    facts = Facts(
        clients=frozenset(press.fingerprints),
        accepted_at=link.message.accepted_at,
        form_issued_at=press.form_issued_at,
        seen=seen,
        links_of_domain=sum(last >= window for last in link.domain_looks),
        is_scanner=press.is_scanner,
        is_chromium=press.is_chromium,
        fetch_mode=press.fetch_mode,
        has_fetch_user=press.has_fetch_user,
        ran_script=press.ran_script,
        input_events=press.input_events,
        typed_ms=press.typed_ms,
        has_comment=has_comment,
        after_suspect=after_suspect,
        same_client=any(look.method == "POST" for look in seen),
    )
    return evidence.judge(facts, now, limits)


def limits_of(link: LinkToken) -> Limits:
    """The thresholds of the policy read with the link."""
    rules = links.rules_of(link)
    return Limits(**{name: rules[name] for name in LIMITS if name in rules})


def limits_of_policy(now: datetime) -> Limits:
    """The thresholds that hold at `now`."""
    current = policy.current(now)
    return Limits(**{name: getattr(current, name) for name in LIMITS})


def _seen(look: dict[str, object]) -> Seen:
    score, since = look["score"], look["since_accept"]
    return Seen(
        at=datetime.fromisoformat(str(look["at"])),
        client=str(look["client"]),
        token=str(look["of"]),
        method=str(look["method"]),
        score=score if isinstance(score, int) and score != NO_SCORE else None,
        is_honeypot=bool(look["honeypot"]),
        since_accept=since if isinstance(since, int) else None,
    )
