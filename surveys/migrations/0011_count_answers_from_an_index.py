from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0010_let_a_person_be_forgotten"),
        ("surveys", "0010_count_presses_turned_back"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="response",
            index=models.Index(
                condition=models.Q(("status", "counted")),
                fields=["series_key", "customer"],
                include=("score", "contact", "campaign", "answered_at", "sent_at", "id", "is_anonymous"),
                name="surveys_response_figures",
            ),
        ),
    ]
