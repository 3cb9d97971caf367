from django.db import migrations

# Partitioned by month of the sender's time. No foreign key: customers are archived, never deleted, and the check
# would cost a third of the intake.
CREATE = """
CREATE TABLE customers_usageevent (
    customer_id bigint NOT NULL,
    source varchar(60) NOT NULL,
    message_id varchar(120) NOT NULL,
    occurred_at timestamptz NOT NULL,
    day date NOT NULL,
    user_ref varchar(200) NOT NULL DEFAULT '',
    event varchar(200) NOT NULL DEFAULT '',
    feature varchar(200) NOT NULL DEFAULT '',
    count integer NOT NULL DEFAULT 1 CHECK (count >= 0),
    users integer CHECK (users >= 0),
    value numeric(20, 6) CHECK (value > -1e13 AND value < 1e13),
    batch_id bigint,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT customers_usageevent_once PRIMARY KEY (customer_id, source, message_id, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX customers_usageevent_day ON customers_usageevent (customer_id, day);
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_create_customer_facts")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE customers_usageevent")]
