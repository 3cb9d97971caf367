from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """A portfolio filter kept under a name; the query string holds its whole state."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="customers_savedview_one_name")]

    def __str__(self) -> str:
        return self.name
