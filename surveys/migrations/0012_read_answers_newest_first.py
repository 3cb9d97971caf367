from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0010_let_a_person_be_forgotten"),
        ("surveys", "0011_count_answers_from_an_index"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="response",
            index=models.Index(
                condition=models.Q(("status", "counted")),
                fields=["-answered_at", "-id"],
                name="surveys_response_feed",
            ),
        ),
    ]
