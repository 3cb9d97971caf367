"""The URL map. Pages of the apps stand at the root; each app names its own."""

from allauth.account.urls import urlpatterns as allauth_routes
from django.urls import include, path

from config import health

# What allauth offers and Tend uses; people join by invitation and have one address.
SIGN_IN = {
    "account_login",
    "account_logout",
    "account_signup",
    "account_inactive",
    "account_reauthenticate",
    "account_change_password",
    "account_set_password",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}

handler500 = "config.web.failures.server_error"
urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("", include("accounts.urls")),
    path("", include("customers.urls")),
    path("", include("surveys.urls")),
    path("", include("metrics.urls")),
    path("", include([route for route in allauth_routes if route.name in SIGN_IN])),
]
