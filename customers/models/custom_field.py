from django.db import models

from customers.choices import CustomFieldType


class CustomField(models.Model):
    """A typed field an organisation adds to its customers; imported as `cf_<key>`, kept in `Customer.custom`."""

    key = models.SlugField(max_length=50, unique=True)
    label = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=CustomFieldType)
    unit = models.CharField(max_length=20, blank=True)
    options = models.JSONField(default=list, blank=True)
    is_archived = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=CustomFieldType.values), name="customers_customfield_known_kind"
            ),
        ]

    def __str__(self) -> str:
        return self.label
