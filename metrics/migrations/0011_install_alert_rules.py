from decimal import Decimal

from django.db import migrations

RULES = (
    ("band_worse", "Band got worse", 14, True, ["owner"]),
    ("band_better", "Band got better", 14, False, ["owner"]),
    ("drop", "Dropped 10 points in 14 days", 14, True, ["owner"]),
    ("unscored", "No score any more", 14, True, ["owner"]),
    ("red_before_renewal", "Red before renewal", 90, True, ["owner", "manager"]),
)


def install(apps, _schema_editor):
    """Installations that have a scorecard already get the rules that come with the starter card."""
    rules = apps.get_model("metrics", "AlertRule").objects
    if rules.exists() or not apps.get_model("metrics", "Scorecard").objects.exists():
        return
    for kind, title, days, is_on, receivers in RULES:
        rules.create(kind=kind, title=title, points=Decimal(10), days=days, is_on=is_on, receivers=receivers)


class Migration(migrations.Migration):
    dependencies = [("metrics", "0010_tell_when_a_hold_was_noted")]
    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
