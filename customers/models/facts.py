"""What every fact shares: two clocks, a source, and a trigger that keeps it from being rewritten."""

from collections.abc import Sequence
from typing import Any

import pgtrigger
from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import models

FACT_SEQUENCE = "customers_fact_seq"


class NextFactNumber(models.Func):
    """The next number of the one sequence shared by all facts."""

    template = f"nextval('{FACT_SEQUENCE}')"
    output_field = models.BigIntegerField()


class RecordedNow(models.Func):
    """The server's clock; a replay of history may set the moment for one transaction (`config.work.pg.recorded_at`)."""

    template = (
        "coalesce(nullif(current_setting('tend.recorded_at', true), '')::timestamptz, statement_timestamp())"
    )
    output_field = models.DateTimeField()


class FactQuerySet(models.QuerySet[Any]):
    """Filters that every fact understands."""

    def current(self) -> "FactQuerySet":
        """Facts as known now: neither superseded nor void."""
        return self.filter(superseded_by=None, voids=False)

    def known_at(self, moment: Any) -> "FactQuerySet":
        """Facts as known at `moment`: recorded by then, not superseded by a row recorded by then, no void."""
        later = models.Q(superseded_by__recorded_at__gt=moment)
        return self.filter(models.Q(superseded_by=None) | later, recorded_at__lte=moment, voids=False)


class Fact(models.Model):
    """Append-only row. A correction is a new row; `superseded_by` of the old one goes from NULL to it, once."""

    recorded_at = models.DateTimeField(db_default=RecordedNow(), editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    source = models.CharField(max_length=60, default="tend")
    source_key = models.CharField(max_length=300, blank=True)
    seq = models.BigIntegerField(db_default=NextFactNumber(), editable=False)
    superseded_by = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="supersedes")
    voids = models.BooleanField(default=False)
    batch = models.ForeignKey("customers.ImportBatch", null=True, on_delete=models.PROTECT, related_name="+")
    backfilled = models.BooleanField(default=False)

    objects = FactQuerySet.as_manager()

    class Meta:
        abstract = True


def append_only(*, words: Sequence[str] = ()) -> pgtrigger.Trigger:
    """Refuse every UPDATE but the one that sets `superseded_by`, and every DELETE.

    `words` are columns of free text that may be changed while a person is being forgotten (`config.work.pg.erasing`).
    """
    erased = f"""
            IF TG_OP = 'UPDATE' AND current_setting('tend.erasing', true) = 'on'
               AND to_jsonb(OLD) - '{{{",".join(words)}}}'::text[] = to_jsonb(NEW) - '{{{",".join(words)}}}'::text[] THEN
                RETURN NEW;
            END IF;"""
    return pgtrigger.Trigger(
        name="append_only",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        func=(erased if words else "")
        + """
            IF TG_OP = 'UPDATE' AND OLD.superseded_by_id IS NULL AND NEW.superseded_by_id IS NOT NULL
               AND to_jsonb(OLD) - 'superseded_by_id' = to_jsonb(NEW) - 'superseded_by_id' THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'facts are append-only: % of % % is refused', TG_OP, TG_TABLE_NAME, OLD.id
                USING ERRCODE = 'integrity_constraint_violation';
        """,
    )


class DayBox(models.Func):
    """A box (key, first day) to (key, last day), so that a core GiST index can refuse overlapping day ranges.

    The embedded server has no btree_gist; 2000-01-01 is day 0 and an open end is the year 9999.
    """

    template = (
        "box(point(%(key)s::float8, (%(from)s - DATE '2000-01-01')::float8),"
        " point(%(key)s::float8, (COALESCE(%(to)s, DATE '9999-12-31') - DATE '2000-01-01' - 1)::float8))"
    )
    output_field = models.Field()

    def __init__(self, key: str | models.expressions.Combinable, from_on: str, to_on: str) -> None:
        super().__init__(models.F(key) if isinstance(key, str) else key, models.F(from_on), models.F(to_on))

    def as_sql(self, compiler: Any, _connection: Any, **_extra: Any) -> tuple[str, list[Any]]:
        (key, key_params), (start, start_params), (end, end_params) = [
            compiler.compile(expression) for expression in self.source_expressions
        ]
        sql = self.template % {"key": f"({key})", "from": start, "to": end}
        return sql, [*key_params, *start_params, *key_params, *end_params]


def no_overlap(
    name: str, *, key: str | models.expressions.Combinable, condition: models.Q | None, message: str
) -> ExclusionConstraint:
    """Ranges [from_on, to_on) of one key (a column, or a whole number worked out of columns) share no day.

    Touching is fine. Deferred, because a correction inserts the new row before it marks the old one superseded.
    """
    return ExclusionConstraint(
        name=name,
        expressions=[(DayBox(key, "from_on", "to_on"), "&&")],
        condition=condition,
        deferrable=models.Deferrable.DEFERRED,
        violation_error_message=message,
    )


CURRENT = models.Q(superseded_by=None, voids=False)


def range_is_forward(name: str) -> models.CheckConstraint:
    """An end, when there is one, lies after the start."""
    return models.CheckConstraint(
        condition=models.Q(to_on=None) | models.Q(to_on__gt=models.F("from_on")),
        name=name,
        violation_error_message="The end must lie after the start.",
    )
