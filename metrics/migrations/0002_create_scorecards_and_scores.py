import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import metrics.models.health_score
import metrics.models.scorecard
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '__first__'),
        ('customers', '0002_create_usage_events'),
        ('metrics', '0001_create_revenue_rollups'),
    ]

    operations = [
        migrations.RunSQL(
            sql='\nCREATE FUNCTION metrics_div_even(n numeric, d numeric) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$\n    SELECT (CASE WHEN 2 * (n - q * d) > d OR (2 * (n - q * d) = d AND mod(q, 2) <> 0) THEN q + 1 ELSE q END)::bigint\n    FROM (SELECT CASE WHEN mod(n, d) < 0 THEN div(n, d) - 1 ELSE div(n, d) END AS q) whole\n$$\n',
            reverse_sql='DROP FUNCTION metrics_div_even(numeric, numeric)',
        ),
        migrations.RunSQL(
            sql="\nCREATE FUNCTION metrics_lines_total(lines jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$\n    SELECT coalesce(sum((line ->> 'points')::numeric), 0) / 1000000 FROM jsonb_array_elements(lines) AS line\n$$\n",
            reverse_sql='DROP FUNCTION metrics_lines_total(jsonb)',
        ),
        migrations.CreateModel(
            name='CurrentReading',
            fields=[
                ('customer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='readings', serialize=False, to='customers.customer')),
                ('values', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(null=True), size=None)),
                ('days', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(null=True), size=None)),
                ('reasons', django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(), size=None)),
                ('phase', models.CharField(blank=True, max_length=20)),
                ('tenure_months', models.IntegerField(null=True)),
                ('as_of', models.DateField()),
                ('changed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name='Scorecard',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.SlugField(max_length=40, unique=True)),
                ('title', models.CharField(max_length=80)),
                ('is_default', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('is_default',), name='metrics_scorecard_one_default')],
            },
        ),
        migrations.CreateModel(
            name='ScorecardVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(null=True)),
                ('kind', models.CharField(choices=[('weighted', 'Weighted'), ('actions', 'Actions')], default='weighted', max_length=10)),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('in_review', 'in review'), ('scheduled', 'Scheduled'), ('live', 'Live'), ('superseded', 'Superseded'), ('withdrawn', 'Withdrawn')], default='draft', max_length=12)),
                ('body', models.JSONField()),
                ('body_hash', models.CharField(max_length=64)),
                ('note', models.CharField(blank=True, max_length=500)),
                ('version', models.PositiveIntegerField(default=1)),
                ('edited_at', models.DateTimeField()),
                ('live_from', models.DateTimeField(null=True)),
                ('live_to', models.DateTimeField(null=True)),
                ('approved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('base', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='metrics.scorecardversion')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('edited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('rollback_of', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='metrics.scorecardversion')),
                ('scorecard', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='metrics.scorecard')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('scorecard', 'number'), name='metrics_scorecardversion_number'), models.UniqueConstraint(condition=models.Q(('state', 'live')), fields=('scorecard',), name='metrics_scorecardversion_one_live'), django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('live_from__isnull', False)), expressions=[(metrics.models.scorecard.IdRange('scorecard_id'), '&&'), (metrics.models.scorecard.MomentRange('live_from', 'live_to'), '&&')], name='metrics_scorecardversion_no_overlap'), models.CheckConstraint(condition=models.Q(models.Q(('live_from__isnull', False), ('number__isnull', False), ('state__in', ('live', 'superseded'))), models.Q(models.Q(('state__in', ('live', 'superseded')), _negated=True), ('number', None)), _connector='OR'), name='metrics_scorecardversion_numbered_when_live'), models.CheckConstraint(condition=models.Q(models.Q(('live_to', None), ('state', 'live')), models.Q(('live_to__gte', models.F('live_from')), ('state', 'superseded')), models.Q(('state__in', ('live', 'superseded')), _negated=True), _connector='OR'), name='metrics_scorecardversion_live_range'), models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'in_review', 'scheduled', 'live', 'superseded', 'withdrawn']), ('kind__in', ['weighted', 'actions'])), name='metrics_scorecardversion_words')],
            },
        ),
        migrations.CreateModel(
            name='HealthScore',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('engine', models.PositiveSmallIntegerField()),
                ('from_at', models.DateTimeField()),
                ('to_at', models.DateTimeField(null=True)),
                ('as_of', models.DateField()),
                ('inputs', models.JSONField()),
                ('inputs_hash', models.CharField(max_length=64)),
                ('score', models.DecimalField(decimal_places=6, max_digits=14, null=True)),
                ('arithmetic', models.DecimalField(decimal_places=6, max_digits=14, null=True)),
                ('band', models.CharField(max_length=40)),
                ('reason', models.CharField(blank=True, max_length=20)),
                ('coverage', models.DecimalField(decimal_places=6, max_digits=7)),
                ('lines', models.JSONField()),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='health_scores', to='customers.customer')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='scores', to='metrics.scorecardversion')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('to_at', None)), fields=['version', 'band'], name='metrics_healthscore_bands'), models.Index(fields=['customer', 'from_at'], name='metrics_healthscore_history')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('to_at', None)), fields=('customer',), name='metrics_healthscore_one_open'), django.contrib.postgres.constraints.ExclusionConstraint(expressions=[(metrics.models.scorecard.IdRange('customer_id'), '&&'), (metrics.models.scorecard.MomentRange('from_at', 'to_at'), '&&')], name='metrics_healthscore_no_overlap'), models.CheckConstraint(condition=models.Q(('to_at', None), ('to_at__gt', models.F('from_at')), _connector='OR'), name='metrics_healthscore_forward'), models.CheckConstraint(condition=models.Q(models.Q(('arithmetic', None), ('lines', [])), models.Q(('arithmetic', metrics.models.health_score.LinesTotal(models.F('lines'))), ('arithmetic__isnull', False)), _connector='OR'), name='metrics_healthscore_lines_add_up'), models.CheckConstraint(condition=models.Q(models.Q(('band', 'insufficient'), ('score', None), models.Q(('reason', ''), _negated=True)), models.Q(('reason', ''), ('score', models.F('arithmetic')), ('score__isnull', False), models.Q(('band', 'insufficient'), _negated=True)), _connector='OR'), name='metrics_healthscore_band_fits'), models.CheckConstraint(condition=models.Q(('coverage__gte', 0), ('coverage__lte', 1)), name='metrics_healthscore_coverage')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='scorecardversion',
            trigger=pgtrigger.compiler.Trigger(name='published_is_final', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            IF OLD.state = 'draft' THEN\n                IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\n                RETURN NEW;\n            END IF;\n            IF TG_OP = 'UPDATE' AND NEW.body = OLD.body AND NEW.body_hash = OLD.body_hash AND NEW.kind = OLD.kind\n               AND NEW.scorecard_id = OLD.scorecard_id AND NEW.note = OLD.note AND NEW.state <> 'draft'\n               AND (OLD.number IS NULL OR NEW.number = OLD.number)\n               AND (OLD.live_from IS NULL OR NEW.live_from = OLD.live_from)\n               AND (OLD.live_to IS NULL OR NEW.live_to = OLD.live_to) THEN\n                RETURN NEW;\n            END IF;\n            RAISE EXCEPTION 'scorecard versions are final once published: % of version % is refused', TG_OP, OLD.id\n                USING ERRCODE = 'integrity_constraint_violation';\n        ", hash='762d483d1182153945fd293e721bcd86054ed793', operation='UPDATE OR DELETE', pgid='pgtrigger_published_is_final_965a0', table='metrics_scorecardversion', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='healthscore',
            trigger=pgtrigger.compiler.Trigger(name='closed_once', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            IF TG_OP = 'UPDATE' AND OLD.to_at IS NULL AND NEW.to_at IS NOT NULL\n               AND to_jsonb(OLD) - 'to_at' = to_jsonb(NEW) - 'to_at' THEN\n                RETURN NEW;\n            END IF;\n            RAISE EXCEPTION 'scores are history: % of score % is refused', TG_OP, OLD.id\n                USING ERRCODE = 'integrity_constraint_violation';\n        ", hash='48166ca8ec15e09ad40a303ab75b11c0b3e80249', operation='UPDATE OR DELETE', pgid='pgtrigger_closed_once_ab995', table='metrics_healthscore', when='BEFORE')),
        ),
    ]
