"""Topics: their terms, the answers found by them, and tags by hand (S-208)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import DateTimeField, F, Q, QuerySet, Value
from django.db.models.functions import Greatest

from config.web.errors import DomainError
from config.work import audit, jobs
from config.work.models import Job
from surveys.choices import TopicSource
from surveys.formulas.topics import LONGEST_TERM, MOST_TERMS, Words, words_of
from surveys.models import Response, ResponseTopic, Topic

JOB_KIND = "surveys.retag_topic"
SLICE = 2000  # comments of one commit of a retag
TICK = 5000  # comments that one run of the ticker looks through at most
BATCH = 500


class BadTopicError(DomainError):
    """A topic without a name of its own or with terms that cannot be looked for."""

    code = "bad_topic"


@transaction.atomic
def save_topic(
    *, topic: Topic | None, name: str, terms: Mapping[str, Sequence[str]], by: Any, now: datetime
) -> tuple[Topic, Job | None]:
    """Make or change a topic. Other terms start a job that looks through all answers again."""
    cleaned = _cleaned(terms)
    before = {"name": topic.name, "terms": topic.terms} if topic else None
    held = topic or Topic(created_by=by, version=0, created_at=now)
    changed = topic is None or topic.terms != cleaned
    held.name, held.terms = name.strip(), cleaned
    held.version += int(changed)
    try:
        with transaction.atomic():
            held.save()
    except IntegrityError as error:
        raise BadTopicError(
            "There is a topic of this name.",
            hint="Add the terms to that topic, or choose another name.",
            field="name",
        ) from error
    after = {"name": held.name, "terms": held.terms}
    audit.record(by=by, now=now, action="topic.saved", subject=held, before=before, after=after)
    return held, start_retag(topic=held, by=by) if changed else None


def _cleaned(terms: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Terms without blanks and twins; a term is at least two characters of a word."""
    found: dict[str, list[str]] = {}
    for language, listed in terms.items():
        kept = [term for term in dict.fromkeys(" ".join(term.split()) for term in listed) if term]
        wrong = [term for term in kept if not 1 < len(term) <= LONGEST_TERM or not term[0].isalnum()]
        if wrong or len(kept) > MOST_TERMS:
            raise BadTopicError(
                f"“{wrong[0]}” cannot be looked for." if wrong else f"More than {MOST_TERMS} terms.",
                hint=f"A term begins a word, with 2 to {LONGEST_TERM} characters; up to {MOST_TERMS} per language.",
                field=f"terms_{language}",
            )
        if kept:
            found[language] = kept
    return found


@transaction.atomic
def set_active(*, topic: Topic, is_active: bool, by: Any, now: datetime) -> Job | None:
    """Stop looking for a topic, or begin again; what was found stays and is brought up to date by a job."""
    if topic.is_active == is_active:
        return None
    topic.is_active = is_active
    topic.version += int(is_active)
    topic.save(update_fields=["is_active", "version"])
    audit.record(by=by, now=now, action="topic.resumed" if is_active else "topic.retired", subject=topic)
    return start_retag(topic=topic, by=by) if is_active else None


def start_retag(*, topic: Topic, by: Any) -> Job:
    """Look through all answers for a topic in the background."""
    return jobs.start(
        kind=JOB_KIND,
        args={"topic": topic.pk, "version": topic.version},
        title=f"Look for “{topic.name}” in all answers",
        by=by,
        dedupe_key=f"retag:{topic.pk}:{topic.version}",
        total=_commented().count(),
    )


def retag(job: Job) -> dict[str, Any]:
    """Body of the job: slices by id, each its own commit. Terms that changed meanwhile have a job of their own."""
    done, last = 0, 0
    while True:
        with transaction.atomic():
            topic = Topic.objects.get(pk=job.args["topic"])
            if topic.version != job.args["version"]:
                return {"looked_at": done, "outdated": True}
            rows = list(_commented().filter(pk__gt=last).order_by("pk").values_list("pk", "comment")[:SLICE])
            if not rows:
                Topic.objects.filter(pk=topic.pk, version=topic.version).update(tagged_version=topic.version)
                return {"looked_at": done}
            _tag(rows, {topic.pk: words_of(topic.terms)})
            done, last = done + len(rows), rows[-1][0]
            jobs.advance(job, done=done)


def tag_new(*, now: datetime) -> int:
    """Look through answers that came or changed since they were last looked through; returns how many."""
    words = {topic.pk: words_of(topic.terms) for topic in Topic.objects.filter(is_active=True)}
    total = 0
    while total < TICK:
        with transaction.atomic():
            rows = list(
                unread()
                .select_for_update(skip_locked=True)
                .order_by("pk")
                .values_list("pk", "comment")[:BATCH]
            )
            _tag(rows, words)
            # An answer dated ahead of this clock would otherwise be looked through again and again.
            read_at = Greatest(F("updated_at"), Value(now, output_field=DateTimeField()))
            Response.objects.filter(pk__in=[pk for pk, _ in rows]).update(topics_at=read_at)
        total += len(rows)
        if len(rows) < BATCH:
            break
    return total


def unread() -> QuerySet[Response]:
    """Comments nobody looked through, and answers changed since somebody did."""
    return Response.objects.filter(
        Q(topics_at=None) & ~Q(comment="") | Q(topics_at__isnull=False, topics_at__lt=F("updated_at"))
    )


def _commented() -> QuerySet[Response]:
    return Response.objects.exclude(comment="")


def _tag(rows: Iterable[tuple[int, str]], words: Mapping[int, Words]) -> None:
    """Write what is found, take back what is found no more. Tags by hand are never touched."""
    rows = list(rows)
    found = {
        (pk, topic): terms
        for pk, comment in rows
        for topic, searched in words.items()
        if (terms := searched.found_in(comment))
    }
    held = ResponseTopic.objects.filter(
        response__in=[pk for pk, _ in rows], topic__in=list(words), source=TopicSource.AUTOMATIC
    )
    gone = [pk for pk, *pair in held.values_list("pk", "response", "topic") if tuple(pair) not in found]
    ResponseTopic.objects.filter(pk__in=gone).delete()
    ResponseTopic.objects.bulk_create(
        [
            ResponseTopic(response_id=pk, topic_id=topic, source=TopicSource.AUTOMATIC, terms=terms)
            for (pk, topic), terms in found.items()
        ],
        update_conflicts=True,
        update_fields=["terms"],
        unique_fields=["response", "topic", "source"],
    )


@transaction.atomic
def tag_by_hand(*, response: Response, topic: Topic, by: Any, now: datetime) -> None:
    """Say that an answer speaks of a topic; kept apart from what its words say."""
    _, is_new = ResponseTopic.objects.get_or_create(
        response=response, topic=topic, source=TopicSource.MANUAL, defaults={"by": by, "created_at": now}
    )
    if is_new:
        audit.record(by=by, now=now, action="answer.tagged", subject=response, after={"topic": topic.name})


@transaction.atomic
def untag_by_hand(*, response: Response, topic: Topic, by: Any, now: datetime) -> None:
    """Take a tag by hand back."""
    gone, _ = ResponseTopic.objects.filter(response=response, topic=topic, source=TopicSource.MANUAL).delete()
    if gone:
        audit.record(by=by, now=now, action="answer.untagged", subject=response, before={"topic": topic.name})
