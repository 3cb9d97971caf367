from django.db import migrations

# What customers carry today becomes a fact of the day they were recorded: nobody knows since when it held. It counts as
# known from now on, because a past day did not know it as a fact.
NOTE = """
INSERT INTO customers_fieldvalue (customer_id, key, value, from_on, source, source_key, voids, backfilled)
SELECT c.id, one.key, one.value,
    (c.recorded_at AT TIME ZONE coalesce((SELECT time_zone FROM accounts_organisation LIMIT 1), 'UTC'))::date,
    'tend', '', false, false
FROM customers_customer c, jsonb_each_text(c.custom) AS one (key, value)
WHERE one.value IS NOT NULL AND NOT EXISTS (SELECT FROM customers_fieldvalue f WHERE f.customer_id = c.id)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_create_users_teams_and_organisation"),
        ("customers", "0006_know_field_values_alerts_and_health_of_a_customer"),
    ]

    operations = [migrations.RunSQL(NOTE, migrations.RunSQL.noop)]
