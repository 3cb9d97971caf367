"""The URL map. Pages of the apps stand at the root; each app names its own."""

from django.urls import include, path

from config import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("", include("accounts.urls")),
    path("", include("customers.urls")),
    path("", include("surveys.urls")),
    path("", include("metrics.urls")),
    path("", include("allauth.account.urls")),
]
