from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from customers.choices import BatchState, ImportKind


class ImportBatch(models.Model):
    """One file on its way in: mapping, dry run, commit, undo."""

    kind = models.CharField(max_length=20, choices=ImportKind)
    source = models.CharField(max_length=60, default="import")
    file_name = models.CharField(max_length=200)
    stored_as = models.CharField(max_length=200, blank=True)
    mapping = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=BatchState, default=BatchState.UPLOADED)
    rows = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    errors = models.JSONField(default=list)
    job = models.ForeignKey("work.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    applied_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=BatchState.values) & models.Q(kind__in=ImportKind.values),
                name="customers_importbatch_words",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} from {self.file_name}"

    @property
    def is_history(self) -> bool:
        """Whether its facts count as known from the day they speak of, not from the day they came in."""
        return bool(self.options.get("history"))


class BatchItem(models.Model):
    """What a batch did to one people-edited row, so that it can be taken back; `before` is NULL for a new row."""

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="items")
    object_type = models.CharField(max_length=60)
    object_id = models.BigIntegerField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        indexes = [models.Index(fields=["object_type", "object_id"], name="customers_batchitem_object")]

    def __str__(self) -> str:
        return f"{self.object_type} {self.object_id}"
