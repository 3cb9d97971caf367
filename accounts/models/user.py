from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Lower, Now

from accounts.choices import Grant, ReadScope, Role


class UserQuerySet(models.QuerySet["User"]):
    def active(self) -> "UserQuerySet":
        return self.filter(is_active=True)

    def admins(self) -> "UserQuerySet":
        return self.filter(role=Role.ADMIN)


class User(AbstractBaseUser):
    """A person who logs in by email. Rights are read from this row at every request, so a change acts at once."""

    email = models.EmailField(
        max_length=254,
        unique=True,
        help_text="Lower case.",
        error_messages={"unique": "A user with this email exists already."},
    )
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=8, choices=Role, default=Role.CSM)
    team = models.ForeignKey(
        "accounts.Team", on_delete=models.SET_NULL, null=True, blank=True, related_name="members"
    )
    time_zone = models.CharField(
        max_length=64, blank=True, default="", help_text="Empty: the organisation's zone."
    )
    read_scope = models.CharField(
        max_length=4, choices=ReadScope, blank=True, default="", help_text="Empty: what the role gives."
    )
    grants = ArrayField(models.CharField(max_length=24, choices=Grant), default=list, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())
    deactivated_at = models.DateTimeField(null=True, blank=True)

    objects = BaseUserManager.from_queryset(UserQuerySet)()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="accounts_user_email_lower_case"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="accounts_user_role_known"),
            models.CheckConstraint(
                condition=Q(read_scope__in=["", *ReadScope.values]), name="accounts_user_scope_known"
            ),
            models.CheckConstraint(
                condition=Q(
                    grants__contained_by=Value(
                        Grant.values, output_field=ArrayField(models.CharField(max_length=24))
                    )
                ),
                name="accounts_user_grants_known",
            ),
            models.CheckConstraint(
                condition=Q(is_active=True, deactivated_at__isnull=True) | Q(is_active=False),
                name="accounts_user_active_or_left",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    @property
    def is_staff(self) -> bool:
        """Django's own admin pages ask this; they are off unless somebody mounts them."""
        return self.is_admin and self.is_active

    def may(self, grant: str) -> bool:
        """Whether this person holds a grant now. Admins hold all of them."""
        return self.is_active and (self.is_admin or Grant(grant) in self.grants)

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ", 1)[0]
