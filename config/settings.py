"""Settings of Tend, for development, tests and production alike; what differs comes from the environment."""

from pathlib import Path
from urllib.parse import urlsplit

from config import env

BASE_DIR = Path(__file__).resolve().parent.parent
TEND_ENV = env.text("TEND_ENV", "production")
PRODUCTION = TEND_ENV == "production"
DEBUG = False

DEV_KEY = "tend-development-key-not-for-production"
SECRET_KEY = env.text("SECRET_KEY", "" if PRODUCTION else DEV_KEY)
if not SECRET_KEY or (PRODUCTION and SECRET_KEY == DEV_KEY):
    message = (
        "SECRET_KEY is not set. Put 50 random characters into SECRET_KEY or name a file in SECRET_KEY_FILE."
    )
    raise env.BadSettingError(message)
SECRET_KEY_FALLBACKS = [key for key in env.text("SECRET_KEY_FALLBACKS").split(",") if key]

SITE_URL = env.site_url("http://127.0.0.1:8000")
_site = urlsplit(SITE_URL)
SECURE = _site.scheme == "https"
ALLOWED_HOSTS = (
    [_site.hostname] if PRODUCTION else [_site.hostname, "127.0.0.1", "localhost", "[::1]", "testserver"]
)
CSRF_TRUSTED_ORIGINS = [SITE_URL]
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0)
INSTANCE_ID = env.text("INSTANCE_ID", _site.hostname or "")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.forms",  # its widget templates, for the project renderer
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "pgtrigger",
    "django_htmx",
    "csp",
    "allauth",
    "allauth.account",
    "config.apps.FrameConfig",
    "config.work",
    "config.web",
    "accounts",
    "customers",
    "surveys",
    "metrics",
]

MIDDLEWARE = [
    "config.middleware.HeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.DatabaseOutageMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.middleware.PageMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.web.context.frame",
            ],
        },
    },
]
FORM_RENDERER = "config.web.forms.Renderer"

DATABASES = {"default": env.database("")}
DATABASES["default"].update(
    ATOMIC_REQUESTS=False,  # services open transactions
    CONN_MAX_AGE=600,
    CONN_HEALTH_CHECKS=True,
)
DATABASES["default"].setdefault("OPTIONS", {}).update(
    {
        "connect_timeout": 5,
        "tcp_user_timeout": 30_000,
        "keepalives_idle": 10,
        "options": f"-c statement_timeout={env.integer('STATEMENT_TIMEOUT_S', 15)}s"
        " -c lock_timeout=3s -c idle_in_transaction_session_timeout=60s -c timezone=UTC",
    }
)
# Behind a pooler that changes connections between transactions nothing may be kept on a connection.
DATABASE_POOLER = env.boolean("DATABASE_POOLER")
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = DATABASE_POOLER
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "work_cache"},
}
REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "accounts.services.passwords.OwnWordsValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.services.sign_in.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # people are invited by mail; the invitation proves the address
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # an unknown address gets no mail and the same answer
ACCOUNT_SESSION_REMEMBER = True  # no box to tick: a session ends with the working day
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/15m/key,50/h/ip",
    "reset_password": "20/m/ip,5/h/key",
    "reauthenticate": "10/m/user",
}
PASSWORD_RESET_TIMEOUT = 3600  # seconds: a reset link lives an hour

SESSION_ENGINE = "config.sessions"
SESSION_COOKIE_AGE = 12 * 3600  # seconds: a working day
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_NAME = "__Host-sessionid" if SECURE else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if SECURE else "csrftoken"
SECURE_SSL_REDIRECT = False  # the proxy that ends TLS redirects
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 63_072_000 if SECURE and env.boolean("HSTS", default=True) else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = bool(SECURE_HSTS_SECONDS)
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "frame-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
    },
}

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_TIME_ZONE = env.time_zone()  # the organisation's zone until an admin sets another

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    if PRODUCTION
    else {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not PRODUCTION
DATA_DIR = Path(env.text("TEND_DATA", str(BASE_DIR / ".data")))
MEDIA_ROOT = DATA_DIR / "files"  # uploaded import files; never served
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024  # bytes
IMPORT_MAX_BYTES = env.integer("IMPORT_MAX_BYTES", 200 * 1024 * 1024)
IMPORT_MAX_ROWS = env.integer("IMPORT_MAX_ROWS", 2_000_000)

EMAIL = env.email("outbox://" if not PRODUCTION else env.text("EMAIL_URL", "smtp://127.0.0.1:25"))
EMAIL_BACKEND = "config.work.mail.OutgoingMailBackend"
# A bare host or an address is no mail domain; such an installation mails from the example domain until told better.
_has_domain = "." in (_site.hostname or "") and not (_site.hostname or "").replace(".", "").isdigit()
DEFAULT_FROM_EMAIL = env.text(
    "DEFAULT_FROM_EMAIL", f"Tend <tend@{_site.hostname if _has_domain else 'tend.example'}>"
)
BOUNCE_ADDRESS = env.text("BOUNCE_ADDRESS")  # a mailbox for status reports; each mail gets its own +part
# Reports of a mail provider: its name in anymail, and anymail's settings for it as KEY=value,KEY=value.
MAIL_PROVIDER = env.text("MAIL_PROVIDER")
ANYMAIL = dict(pair.split("=", 1) for pair in env.text("ANYMAIL").split(",") if "=" in pair)
MAIL_LEASE_S = env.integer("MAIL_LEASE_S", 120, least=1)
MAIL_REPLY_S = env.integer("MAIL_REPLY_S", 600, least=1)
JOB_LEASE_S = env.integer("JOB_LEASE_S", 60, least=1)
CHAOS = env.boolean("CHAOS")
if CHAOS and _site.hostname not in {"127.0.0.1", "localhost", "::1"}:
    message = f"CHAOS=1 lets processes die on purpose and is refused for {SITE_URL}. Unset CHAOS."
    raise env.BadSettingError(message)

SILENCED_SYSTEM_CHECKS = [
    "security.W008",
    "security.W009",
]  # the proxy redirects to https; the dev key is refused above
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "config.web.masking.MaskedFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"level": "INFO"},  # Django's own handlers would write the same lines unmasked
        "django.server": {"level": "INFO", "propagate": True},
        "django.security.DisallowedHost": {"level": "ERROR"},
    },
}
