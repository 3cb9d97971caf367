import secrets

from django.db import migrations


def make_pepper(apps, schema_editor):
    apps.get_model("surveys", "AddressPepper").objects.get_or_create(
        id=1, defaults={"secret": secrets.token_bytes(32)}
    )


class Migration(migrations.Migration):
    """One row of 32 random bytes keys the hashes of addresses; it stays with the data for ever."""

    dependencies = [("surveys", "0001_create_surveys")]

    operations = [migrations.RunPython(make_pepper, migrations.RunPython.noop)]
