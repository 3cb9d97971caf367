from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("work", "0001_create_work_rows")]

    operations = [
        migrations.RunSQL("ALTER TABLE work_ratecounter SET UNLOGGED", "ALTER TABLE work_ratecounter SET LOGGED"),
    ]
