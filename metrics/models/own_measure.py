import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from metrics.choices import MeasureKind


class OwnMeasure(models.Model):
    """A measure that the organisation added: a custom field, a usage event in a window, or points for actions.

    One row is one meaning: a change of meaning is a new version with a slot of its own. Only retiring changes a row.
    """

    key = models.SlugField(max_length=60)
    version = models.PositiveSmallIntegerField(default=1)
    slot = models.PositiveSmallIntegerField(unique=True)
    title = models.CharField(max_length=80)
    about = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=10, choices=MeasureKind)
    unit = models.CharField(max_length=10)
    better = models.CharField(max_length=4, choices=[("up", "more is better"), ("down", "less is better")])
    spec = models.JSONField()
    window_days = models.PositiveSmallIntegerField(default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="metrics_ownmeasure_one_meaning"),
            models.CheckConstraint(
                condition=models.Q(kind__in=MeasureKind.values, better__in=["up", "down"]),
                name="metrics_ownmeasure_words",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="meaning_is_final",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'UPDATE' AND to_jsonb(OLD) - 'retired_at' = to_jsonb(NEW) - 'retired_at' THEN
                        RETURN NEW;
                    END IF;
                    RAISE EXCEPTION 'the meaning of a measure is final: % of % is refused', TG_OP, OLD.key
                        USING ERRCODE = 'integrity_constraint_violation';
                """,
            )
        ]

    def __str__(self) -> str:
        return f"{self.key} v{self.version}"
