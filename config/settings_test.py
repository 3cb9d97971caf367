"""What tests change: a fast hasher, tasks in the calling process, no outside network."""

import os

os.environ.setdefault("TEND_ENV", "test")
os.environ.setdefault("EMAIL_URL", "outbox://")

from config.settings import *  # noqa: F403 - test-double

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_TASK_ALWAYS_EAGER = True
NUDGES = False  # tests drain rows themselves; a real worker has its own tests
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405 - test-double
