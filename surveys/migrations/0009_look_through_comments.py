from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0010_let_a_person_be_forgotten"),
        ("surveys", "0008_follow_campaigns_through_their_life"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="response",
            name="topics_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="response",
            index=models.Index(
                condition=models.Q(
                    models.Q(("topics_at", None), models.Q(("comment", ""), _negated=True)),
                    models.Q(("topics_at__isnull", False), ("topics_at__lt", models.F("updated_at"))),
                    _connector="OR",
                ),
                fields=["id"],
                name="surveys_response_unread",
            ),
        ),
    ]
