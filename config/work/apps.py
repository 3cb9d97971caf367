from django.apps import AppConfig


class WorkConfig(AppConfig):
    """Rows of work that know no business word: jobs, mail, audit, counters."""

    name = "config.work"
    label = "work"
