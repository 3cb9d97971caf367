from django.db import models

NO_SCORE = -1  # a visit without a usable `?r=`


class Visit(models.Model):
    """One look at a mailed link per client and minute. No foreign key, so that a GET locks nothing."""

    token = models.CharField(max_length=64)
    method = models.CharField(max_length=4)
    r = models.SmallIntegerField(default=NO_SCORE)
    fingerprint = models.CharField(max_length=32)
    minute = models.DateTimeField()
    at = models.DateTimeField()
    seconds_since_accept = models.IntegerField(null=True, blank=True)
    is_prefetch = models.BooleanField(default=False)
    fetch_mode = models.CharField(max_length=20, blank=True)
    has_fetch_user = models.BooleanField(default=False)
    is_scanner = models.BooleanField(default=False)  # the browser string is on the list of scanners
    is_chromium = models.BooleanField(default=False)
    is_automatic = models.BooleanField(default=False)  # known when settled: a machine's look (S-113)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["token", "r", "method", "fingerprint", "minute"], name="surveys_visit_once_a_minute"
            ),
        ]
        indexes = [
            models.Index(fields=["fingerprint", "at"], name="surveys_visit_client"),
            models.Index(fields=["id"], condition=models.Q(settled_at=None), name="surveys_visit_unsettled"),
        ]

    def __str__(self) -> str:
        return f"{self.method} at {self.at}"
