from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from surveys.choices import TopicSource
from surveys.models.response import Response


class Topic(models.Model):
    """A subject that comments speak of, known by the beginnings of its words per language: {"en": ["slow", …]}."""

    name = models.CharField(max_length=60, unique=True)
    terms = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    tagged_version = models.PositiveIntegerField(default=0)  # all answers have been looked through for it
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name


class ResponseTopic(models.Model):
    """An answer speaks of a topic: by its words, or because a person says so."""

    response = models.ForeignKey(Response, on_delete=models.CASCADE, related_name="topics")
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="answers")
    source = models.CharField(max_length=10, choices=TopicSource)
    terms = ArrayField(models.CharField(max_length=60), default=list, blank=True)  # words that were found
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["response", "topic", "source"], name="surveys_responsetopic_once"
            ),
            models.CheckConstraint(
                condition=Q(source__in=TopicSource.values), name="surveys_responsetopic_source"
            ),
        ]
        indexes = [models.Index(fields=["topic", "response"], name="surveys_responsetopic_topic")]

    def __str__(self) -> str:
        return f"{self.topic_id} in {self.response_id}"
