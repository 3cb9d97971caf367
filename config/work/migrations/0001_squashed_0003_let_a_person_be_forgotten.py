import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

from config.work.together import Together


class Migration(migrations.Migration):
    """The tables as the replaced steps leave them, made at once: a new database need not walk the whole way."""

    replaces = [('work', '0001_create_work_rows'), ('work', '0002_make_counters_unlogged'), ('work', '0003_let_a_person_be_forgotten')]

    initial = True

    dependencies = [('accounts', '0001_create_users_teams_and_organisation'), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        Together(
            [
                migrations.CreateModel(
                    name='CapturedMail',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('message_id', models.CharField(max_length=200, unique=True)),
                        ('recipient', models.CharField(max_length=254)),
                        ('subject', models.CharField(max_length=300)),
                        ('raw', models.BinaryField()),
                        ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True)),
                    ],
                ),
                migrations.CreateModel(
                    name='RateCounter',
                    fields=[
                        ('key', models.CharField(max_length=128, primary_key=True, serialize=False)),
                        ('used', models.PositiveIntegerField()),
                        ('ends_at', models.DateTimeField(db_index=True)),
                    ],
                ),
                migrations.CreateModel(
                    name='Ticker',
                    fields=[
                        ('name', models.CharField(max_length=100, primary_key=True, serialize=False)),
                        ('last_ok_at', models.DateTimeField(null=True)),
                    ],
                ),
                migrations.CreateModel(
                    name='Job',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('kind', models.CharField(max_length=100)),
                        ('args', models.JSONField(default=dict)),
                        ('title', models.CharField(blank=True, max_length=200)),
                        ('dedupe_key', models.CharField(blank=True, max_length=200)),
                        ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('done', 'Done'), ('dead', 'Dead'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                        ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                        ('lease_until', models.DateTimeField(blank=True, null=True)),
                        ('lease_token', models.CharField(blank=True, max_length=32)),
                        ('attempts', models.PositiveSmallIntegerField(default=0)),
                        ('progress_done', models.PositiveBigIntegerField(default=0)),
                        ('progress_total', models.PositiveBigIntegerField(blank=True, null=True)),
                        ('note', models.CharField(blank=True, max_length=300)),
                        ('result', models.JSONField(blank=True, default=dict)),
                        ('result_url', models.CharField(blank=True, max_length=300)),
                        ('last_error', models.TextField(blank=True)),
                        ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                        ('finished_at', models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        'indexes': [models.Index(condition=models.Q(('state', 'queued')), fields=['due_at'], name='work_job_due'), models.Index(condition=models.Q(('state', 'running')), fields=['lease_until'], name='work_job_leases')],
                        'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['queued', 'running']), models.Q(('dedupe_key', ''), _negated=True)), fields=('dedupe_key',), name='work_job_one_active_per_key'), models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'done', 'dead', 'cancelled'])), name='work_job_known_state')],
                    },
                ),
                migrations.CreateModel(
                    name='OutgoingMail',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('mail_class', models.CharField(default='notice', max_length=20)),
                        ('recipient', models.EmailField(max_length=254)),
                        ('subject', models.CharField(max_length=300)),
                        ('message_id', models.CharField(max_length=200, unique=True)),
                        ('raw', models.BinaryField(default=b'')),
                        ('dedupe_key', models.CharField(blank=True, max_length=200)),
                        ('state', models.CharField(choices=[('queued', 'Queued'), ('claimed', 'Claimed'), ('transmitting', 'Transmitting'), ('sent', 'Sent'), ('deferred', 'Deferred'), ('failed', 'Failed'), ('uncertain', 'Uncertain'), ('suppressed', 'Suppressed'), ('cancelled', 'Cancelled')], default='queued', max_length=15)),
                        ('not_before', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                        ('lease_until', models.DateTimeField(blank=True, null=True)),
                        ('lease_token', models.CharField(blank=True, max_length=32)),
                        ('attempts', models.PositiveSmallIntegerField(default=0)),
                        ('reply', models.CharField(blank=True, max_length=300)),
                        ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                        ('sent_at', models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        'indexes': [models.Index(condition=models.Q(('state__in', ['queued', 'deferred'])), fields=['not_before'], name='work_outgoingmail_due')],
                        'constraints': [models.UniqueConstraint(condition=models.Q(('dedupe_key', ''), _negated=True), fields=('dedupe_key',), name='work_outgoingmail_dedupe'), models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'claimed', 'transmitting', 'sent', 'deferred', 'failed', 'uncertain', 'suppressed', 'cancelled'])), name='work_outgoingmail_known_state')],
                    },
                ),
                migrations.CreateModel(
                    name='AuditEntry',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('at', models.DateTimeField()),
                        ('actor_kind', models.CharField(default='user', max_length=20)),
                        ('actor', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('action', models.CharField(max_length=100)),
                        ('object_type', models.CharField(blank=True, max_length=100)),
                        ('object_id', models.CharField(blank=True, max_length=64)),
                        ('object_label', models.CharField(blank=True, max_length=200)),
                        ('before', models.JSONField(null=True)),
                        ('after', models.JSONField(null=True)),
                        ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ],
                    options={
                        'indexes': [models.Index(fields=['-at', '-id'], name='work_auditentry_newest'), models.Index(fields=['object_type', 'object_id', '-at'], name='work_auditentry_object')],
                    },
                ),
                migrations.CreateModel(
                    name='MailAttempt',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('mail', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tries', to='work.outgoingmail')),
                        ('number', models.PositiveSmallIntegerField()),
                        ('started_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                        ('phase', models.CharField(blank=True, max_length=20)),
                        ('code', models.CharField(blank=True, max_length=10)),
                        ('text', models.CharField(blank=True, max_length=300)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('mail', 'number'), name='work_mailattempt_once')],
                    },
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='auditentry',
                    trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    IF TG_OP = 'UPDATE' AND current_setting('tend.erasing', true) = 'on'\n                       AND to_jsonb(OLD) - '{before,after,object_label}'::text[]\n                         = to_jsonb(NEW) - '{before,after,object_label}'::text[] THEN\n                        RETURN NEW;\n                    END IF;\n                    RAISE EXCEPTION 'the log of changes is only added to: % refused', TG_OP\n                        USING ERRCODE = 'integrity_constraint_violation';\n                ", hash='61c866c56e15ea336e547ce871ae1e8f68528646', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_e745b', table='work_auditentry', when='BEFORE')),
                ),
                migrations.RunSQL("ALTER TABLE work_ratecounter SET UNLOGGED", "ALTER TABLE work_ratecounter SET LOGGED"),
            ],
        ),
    ]
