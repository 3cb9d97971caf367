"""Which words a language must have. A language that lacks one cannot be built."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class KindWords:
    """The words of one kind of survey: question, subject, labels of its points (NPS: of both ends), prompts."""

    question: str
    subject: str
    labels: tuple[str, ...]
    prompt_negative: str = ""
    prompt_neutral: str = ""
    prompt_positive: str = ""


@dataclass(frozen=True, kw_only=True)
class Words:
    """Every fixed string of mail and pages in one language; names in braces are filled in when shown."""

    name: str  # of the language, in the language
    direction: str
    kinds: Mapping[str, KindWords]

    # what a campaign starts with
    intro: str
    preheader: str
    prompt: str
    thank_you: str

    # mail
    hello: str
    hello_nobody: str
    reminder_intro: str
    scale_ends: str
    point_of: str
    click: str
    on_a_page: str
    answer_here: str
    anonymous_mail: str
    sign_off: str
    via_company: str
    why_you: str
    why_you_at: str
    unsubscribe: str
    privacy: str

    # answer page
    language: str
    answer_title: str
    error_title: str
    chosen: str
    answered_before: str
    anonymous_page: str
    not_sent: str
    once_more: str
    choose_score: str
    shorten: str
    choose_option: str
    shorten_field: str
    comment_hint: str
    optional: str
    scale5_low: str
    scale5_high: str
    remove_comment: str
    contact_me: str
    send: str
    asked_of: str
    asked_of_at: str
    edit_days: str
    stop_hint: str
    help: str

    # other states
    answered_title: str
    answered_head: str
    answered_score: str
    answered_other: str
    change: str
    thanks_title: str
    thanks_head: str
    review: str
    closed_head: str
    closed_text: str
    link_head: str
    link_text: str
    not_found_head: str
    not_found_text: str
    wait_head: str
    wait_text: str
    long_head: str
    long_text: str
    survey: str

    # unsubscribing and privacy
    stop_head: str
    stop_all: str
    stop_kind: str
    stop_note: str
    stop_button: str
    stopped_head: str
    stopped_text: str
    privacy_head: str
    privacy_what: str
    privacy_anonymous: str
    privacy_visits: str
    privacy_ask: str
    privacy_more: str
