import uuid

from django.db import models

from surveys.models.wave import Wave


class WaitingAnswer(models.Model):
    """An anonymous answer that waits until enough others can be stored with it in no order (S-205).

    No invitation, contact, device, network or time of day; the random key is its only name.
    """

    key = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    wave = models.ForeignKey(Wave, on_delete=models.PROTECT, related_name="+")
    day = models.DateField()
    language = models.CharField(max_length=10)
    score = models.SmallIntegerField()
    comment = models.TextField(blank=True)
    extra = models.JSONField(default=dict, blank=True)
    customer_id = models.BigIntegerField(null=True, blank=True)  # only where enough people of it were invited

    def __str__(self) -> str:
        return "an anonymous answer"
