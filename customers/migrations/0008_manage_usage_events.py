import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Django knows the whole table now, so that a flush empties it like the others; nothing changes in the database."""

    dependencies = [
        ("customers", "0007_note_field_values"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField(
                    model_name="usageevent",
                    name="customer",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.customer",
                        default=0,
                    ),
                    preserve_default=False,
                ),
                migrations.AlterModelOptions(name="usageevent", options={}),
            ]
        ),
    ]
