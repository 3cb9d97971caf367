from django.db import models
from django.db.models.functions import Lower

from customers.choices import LegalBasis
from customers.models.customer import Customer
from customers.models.facts import RecordedNow
from customers.models.scoped import ScopedQuerySet


class Contact(models.Model):
    """A person at a customer. The address is unique within the customer, whatever its case."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="contacts")
    source = models.CharField(max_length=60, default="tend")
    external_id = models.CharField(max_length=200, blank=True)
    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=200, blank=True)
    role = models.CharField(max_length=60, blank=True)
    language = models.CharField(max_length=10, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    do_not_survey = models.BooleanField(default=False)
    legal_basis = models.CharField(max_length=20, choices=LegalBasis, blank=True)
    legal_basis_on = models.DateField(null=True, blank=True)
    legal_basis_source = models.CharField(max_length=120, blank=True)
    left_on = models.DateField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    recorded_at = models.DateTimeField(db_default=RecordedNow(), editable=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                models.F("customer"),
                Lower("email"),
                name="customers_contact_one_per_email",
                violation_error_message="This customer already has a contact with this address.",
            ),
            models.UniqueConstraint(
                fields=["source", "external_id"],
                condition=~models.Q(external_id=""),
                name="customers_contact_external_id",
            ),
            models.CheckConstraint(
                condition=models.Q(legal_basis__in=["", *LegalBasis.values]), name="customers_contact_basis"
            ),
        ]
        indexes = [models.Index(Lower("email"), name="customers_contact_email")]

    def __str__(self) -> str:
        return self.name or self.email
