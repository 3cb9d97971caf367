"""Whether a press or a look was a machine's (S-110 to S-113). Pure: facts in, verdict and reasons out.

One strong reason (E) makes an answer suspect; of the weak ones (W) two, and only without a comment. Nobody is ever
blocked by evidence: a suspect answer waits for a human one or for a person's decision.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

COUNTED, SUSPECT = "counted", "suspect"
TYPED, OTHER_CLIENT = "typed", "other_client"  # what overrules evidence
HONEYPOT_NEAR = timedelta(seconds=120)  # E1, before or after
PRESS_AFTER_SCORES = timedelta(minutes=10)  # E2
TYPED_MS = 2000  # a comment typed for so long is a person's
WEAK_NEEDED = 2
SETTLED_AFTER = HONEYPOT_NEAR  # nothing later than this can change what a look was
REASONS = {
    "E1": "opened the hidden link that no person sees, from the same client",
    "E2": "opened several scores of one link within a minute before pressing Send",
    "E3": "pressed Send quicker than a person can read the form",
    "E4": "pressed Send within seconds of the mail being accepted",
    "E5": "sent the form without a press, from inside a page",
    "E6": "the browser names itself as a mail scanner",
    "W1": "opened the link within seconds of the mail being accepted",
    "W2": "asked for the headers of the link alone, as link checkers do",
    "W3": "opened links of several people at the same company within minutes",
    "W4": "the script of the page saw no pointer, key or touch",
}


@dataclass(frozen=True)
class Limits:
    """Thresholds of the policy; seconds, milliseconds and counts as their names say."""

    many_scores: int = 3
    many_scores_s: int = 60
    form_ms: int = 1000
    accept_s: int = 15
    quick_look_s: int = 10
    many_links: int = 5
    many_links_minutes: int = 10


@dataclass(frozen=True)
class Seen:
    """One look at a link of the same mail. `score` is the `?r=` it carried; `since_accept` is in seconds."""

    at: datetime
    client: str
    token: str
    method: str = "GET"
    score: int | None = None
    is_honeypot: bool = False
    is_prefetch: bool = False
    is_scanner: bool = False
    since_accept: int | None = None


@dataclass(frozen=True)
class Facts:
    """Everything known at the moment of a press. `clients` are today's and yesterday's name of its client.

    `links_of_domain` counts links of the receiving domain that this client opened lately. `after_suspect` says that
    an earlier answer is suspect, `same_client` that it came from this client.
    """

    clients: frozenset[str] = frozenset()
    accepted_at: datetime | None = None
    form_issued_at: datetime | None = None
    seen: Sequence[Seen] = field(default=())
    links_of_domain: int = 0
    is_scanner: bool = False
    is_chromium: bool = False
    fetch_mode: str = ""
    has_fetch_user: bool = False
    ran_script: bool = False
    input_events: int = 0
    typed_ms: int = 0
    has_comment: bool = False
    after_suspect: bool = False
    same_client: bool = False


@dataclass(frozen=True)
class Verdict:
    """`reasons` lists everything that held, also when `overruled_by` says why the answer counts all the same."""

    reasons: tuple[str, ...] = ()
    is_suspect: bool = False
    overruled_by: str = ""

    def as_json(self) -> dict[str, object]:
        """What is stored on the revision."""
        stored: dict[str, object] = {
            "verdict": SUSPECT if self.is_suspect else COUNTED,
            "reasons": list(self.reasons),
        }
        return stored | ({"overruled_by": self.overruled_by} if self.overruled_by else {})


def judge(facts: Facts, now: datetime, limits: Limits = Limits()) -> Verdict:
    """The verdict on a press at `now`. More evidence never turns a suspect press into a counted one."""
    own = [seen for seen in facts.seen if seen.client in facts.clients]
    strong = _strong(facts, own, now, limits)
    weak = _weak(facts, own, limits)
    reasons = (*strong, *weak)
    if not (strong or (len(weak) >= WEAK_NEEDED and not facts.has_comment)):
        return Verdict(reasons)
    if facts.has_comment and facts.ran_script and facts.typed_ms >= TYPED_MS:
        return Verdict(reasons, overruled_by=TYPED)
    if facts.after_suspect and not facts.same_client and not strong:
        return Verdict(reasons, overruled_by=OTHER_CLIENT)
    return Verdict(reasons, is_suspect=True)


def _strong(facts: Facts, own: Sequence[Seen], now: datetime, limits: Limits) -> list[str]:
    holds = {
        "E1": any(seen.is_honeypot and abs(now - seen.at) <= HONEYPOT_NEAR for seen in own),
        "E2": tried_scores([seen for seen in own if now - seen.at <= PRESS_AFTER_SCORES], limits),
        "E3": _within(facts.form_issued_at, now, timedelta(milliseconds=limits.form_ms)),
        "E4": _within(facts.accepted_at, now, timedelta(seconds=limits.accept_s), closed=True),
        "E5": facts.is_chromium and facts.fetch_mode == "navigate" and not facts.has_fetch_user,
        "E6": facts.is_scanner,
    }
    return [name for name, held in holds.items() if held]


def _weak(facts: Facts, own: Sequence[Seen], limits: Limits) -> list[str]:
    holds = {
        "W1": was_quick(own, limits),
        "W2": any(seen.method == "HEAD" for seen in own),
        "W3": facts.links_of_domain >= limits.many_links,
        "W4": facts.ran_script and facts.input_events == 0,
    }
    return [name for name, held in holds.items() if held]


def _within(start: datetime | None, now: datetime, length: timedelta, *, closed: bool = False) -> bool:
    """Whether `now` is nearer to start than the length; clocks of two machines may differ. `closed` takes the end in."""
    apart = None if start is None else abs(now - start)
    return apart is not None and (apart < length or (closed and apart == length))


def tried_scores(own: Iterable[Seen], limits: Limits) -> bool:
    """E2: several different scores of one link opened by one client within a minute."""
    by_token: dict[str, list[Seen]] = defaultdict(list)
    for seen in own:
        if seen.score is not None and seen.method != "POST":
            by_token[seen.token].append(seen)
    span = timedelta(seconds=limits.many_scores_s)
    return any(
        len({other.score for other in rows if start.at <= other.at <= start.at + span}) >= limits.many_scores
        for rows in by_token.values()
        for start in rows
    )


def was_quick(own: Iterable[Seen], limits: Limits) -> bool:
    """W1: the first GET of the client came within seconds of the mail's acceptance."""
    gets = [seen for seen in own if seen.method == "GET"]
    first = min(gets, key=lambda seen: seen.at, default=None)
    return first is not None and first.since_accept is not None and first.since_accept < limits.quick_look_s


def is_automatic(look: Seen, others: Iterable[Seen], limits: Limits = Limits()) -> bool:
    """Whether one look is no person's (S-113). `others` are the looks at links of the same mail, this one included."""
    own = [seen for seen in others if seen.client == look.client]
    span = timedelta(seconds=limits.many_scores_s)
    return (
        look.method != "GET"
        or look.is_prefetch
        or look.is_honeypot
        or look.is_scanner
        or any(seen.is_honeypot and abs(seen.at - look.at) <= HONEYPOT_NEAR for seen in own)
        or tried_scores([seen for seen in own if abs(seen.at - look.at) <= span], limits)
        or was_quick(own, limits)
    )
