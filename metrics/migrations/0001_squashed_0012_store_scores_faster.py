from pathlib import Path

import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import metrics.models.health_score
import metrics.models.scorecard
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

from config.work.together import Together


SUM_LINES = """
CREATE FUNCTION metrics_lines_sum(lines bigint[], more bigint) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (coalesce(sum(line), 0) + more) / 1000000 FROM unnest(lines) AS line
$$
"""


class Migration(migrations.Migration):
    """The tables as the replaced steps leave them, made at once: a new database need not walk the whole way."""

    replaces = [('metrics', '0001_create_revenue_rollups'), ('metrics', '0002_create_scorecards_and_scores'), ('metrics', '0003_name_value_events'), ('metrics', '0004_keep_the_ledger_sparse'), ('metrics', '0005_close_months'), ('metrics', '0006_give_late_facts_their_reason'), ('metrics', '0007_know_rollup_rows_by_what_they_are'), ('metrics', '0008_know_the_currency_of_a_closed_month'), ('metrics', '0009_trust_health_scores'), ('metrics', '0010_tell_when_a_hold_was_noted'), ('metrics', '0011_install_alert_rules'), ('metrics', '0012_store_scores_faster')]

    initial = True

    dependencies = [('customers', '0010_let_a_person_be_forgotten'), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        Together(
            [
                migrations.RunSQL(
                    sql='\nCREATE FUNCTION metrics_div_even(n numeric, d numeric) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$\n    SELECT (CASE WHEN 2 * (n - q * d) > d OR (2 * (n - q * d) = d AND mod(q, 2) <> 0) THEN q + 1 ELSE q END)::bigint\n    FROM (SELECT CASE WHEN mod(n, d) < 0 THEN div(n, d) - 1 ELSE div(n, d) END AS q) whole\n$$\n',
                    reverse_sql='DROP FUNCTION metrics_div_even(numeric, numeric)',
                ),
                migrations.RunSQL(SUM_LINES, "DROP FUNCTION metrics_lines_sum(bigint[], bigint)"),
                migrations.CreateModel(
                    name='CustomerMonth',
                    fields=[
                        ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                        ('month', models.DateField()),
                        ('close_on', models.DateField()),
                        ('opening', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('new', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('reactivation', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('expansion', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('contraction', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('churn', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('fx', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('closing', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('new_n', models.PositiveSmallIntegerField()),
                        ('reactivation_n', models.PositiveSmallIntegerField()),
                        ('expansion_n', models.PositiveSmallIntegerField()),
                        ('contraction_n', models.PositiveSmallIntegerField()),
                        ('churn_n', models.PositiveSmallIntegerField()),
                        ('base_expansion', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('base_contraction', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('base_churn', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('opening_at_close', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('kept', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('then_12m', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('kept_12m', models.DecimalField(decimal_places=24, max_digits=44)),
                    ],
                    options={
                        'db_table': 'metrics_customermonth',
                        'managed': False,
                    },
                ),
                migrations.CreateModel(
                    name='CurrentReading',
                    fields=[
                        ('customer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='readings', serialize=False, to='customers.customer')),
                        ('values', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                        ('days', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                        ('reasons', django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(), size=None)),
                        ('phase', models.CharField(blank=True, max_length=20)),
                        ('tenure_months', models.IntegerField(null=True)),
                        ('labels', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None)),
                        ('as_of', models.DateField()),
                        ('changed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ],
                ),
                migrations.CreateModel(
                    name='DirtyMonth',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('month', models.DateField()),
                        ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ],
                ),
                migrations.CreateModel(
                    name='FeedWatch',
                    fields=[
                        ('feed', models.CharField(max_length=40, primary_key=True, serialize=False)),
                        ('state', models.CharField(choices=[('learning', 'Learning'), ('ok', 'Ok'), ('broken', 'Broken')], default='learning', max_length=10)),
                        ('good_checks', models.PositiveSmallIntegerField(default=0)),
                        ('seen', models.JSONField(default=dict)),
                        ('checked_at', models.DateTimeField(null=True)),
                        ('last_fact_at', models.DateTimeField(null=True)),
                    ],
                ),
                migrations.CreateModel(
                    name='LinePrice',
                    fields=[
                        ('version_id', models.BigIntegerField(primary_key=True, serialize=False)),
                        ('customer_id', models.BigIntegerField(db_index=True)),
                        ('mrr', models.DecimalField(decimal_places=8, max_digits=20)),
                        ('mrr_after_discount', models.DecimalField(decimal_places=8, max_digits=20)),
                    ],
                ),
                migrations.CreateModel(
                    name='RollupFill',
                    fields=[
                        ('rollup', models.CharField(max_length=40, primary_key=True, serialize=False)),
                        ('filled_at', models.DateTimeField()),
                        ('as_of', models.DateField()),
                        ('currency', models.CharField(max_length=3)),
                        ('time_zone', models.CharField(max_length=64)),
                        ('definition', models.PositiveIntegerField(default=0)),
                        ('checksum', models.CharField(blank=True, max_length=64)),
                    ],
                ),
                migrations.CreateModel(
                    name='SettledBand',
                    fields=[
                        ('customer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='settled_band', serialize=False, to='customers.customer')),
                        ('band', models.CharField(max_length=40)),
                        ('tone', models.CharField(max_length=10)),
                        ('since', models.DateField()),
                        ('candidate', models.CharField(blank=True, max_length=40)),
                        ('streak', models.PositiveSmallIntegerField(default=0)),
                        ('judged_on', models.DateField()),
                        ('state', models.JSONField(default=dict)),
                    ],
                ),
                migrations.CreateModel(
                    name='AlertRule',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('kind', models.CharField(choices=[('band_worse', 'band worse'), ('band_better', 'band better'), ('drop', 'score dropped'), ('unscored', 'no score any more'), ('red_before_renewal', 'red before renewal'), ('card_published', 'a new version moved customers')], max_length=20)),
                        ('title', models.CharField(max_length=80)),
                        ('scope', models.CharField(blank=True, max_length=300)),
                        ('points', models.DecimalField(decimal_places=2, default=10, max_digits=6)),
                        ('days', models.PositiveSmallIntegerField(default=14)),
                        ('receivers', models.JSONField(default=list)),
                        ('by_mail', models.BooleanField(default=False)),
                        ('is_on', models.BooleanField(default=True)),
                    ],
                    options={
                        'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['band_worse', 'band_better', 'drop', 'unscored', 'red_before_renewal', 'card_published'])), name='metrics_alertrule_words')],
                    },
                ),
                migrations.CreateModel(
                    name='BridgeChange',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('month', models.IntegerField()),
                        ('currency', models.CharField(blank=True, max_length=3)),
                        ('customer_id', models.BigIntegerField(null=True)),
                        ('folded', models.BooleanField(default=False)),
                        ('new', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('reactivation', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('expansion', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('contraction', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('churn', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('new_n', models.BigIntegerField()),
                        ('reactivation_n', models.BigIntegerField()),
                        ('expansion_n', models.BigIntegerField()),
                        ('contraction_n', models.BigIntegerField()),
                        ('churn_n', models.BigIntegerField()),
                        ('base_expansion', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('base_contraction', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('base_churn', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('lost', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('base_net', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('lost_logos', models.BigIntegerField()),
                        ('ever_paid', models.BigIntegerField()),
                        ('mrr', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('paying', models.BigIntegerField()),
                        ('now_12m', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('kept_12m', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('kept_logos_12m', models.BigIntegerField()),
                        ('opening_at_close', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('then_12m', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('logos_12m', models.BigIntegerField()),
                    ],
                    options={
                        'indexes': [models.Index(condition=models.Q(('customer_id__isnull', False)), fields=['customer_id'], name='metrics_bridgechange_own')],
                    },
                ),
                migrations.CreateModel(
                    name='ClosedMonth',
                    fields=[
                        ('month', models.DateField(primary_key=True, serialize=False)),
                        ('closed_at', models.DateTimeField()),
                        ('known_at', models.DateTimeField()),
                        ('definition', models.PositiveIntegerField()),
                        ('currency', models.CharField(db_default='', max_length=3)),
                        ('time_zone', models.CharField(db_default='', max_length=64)),
                        ('highest_seq', models.BigIntegerField(help_text='of customers_fact_seq')),
                        ('closed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                ),
                migrations.CreateModel(
                    name='CohortChange',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('cohort', models.IntegerField()),
                        ('month', models.IntegerField()),
                        ('currency', models.CharField(blank=True, max_length=3)),
                        ('customer_id', models.BigIntegerField(null=True)),
                        ('folded', models.BooleanField(default=False)),
                        ('size', models.BigIntegerField()),
                        ('paying', models.BigIntegerField()),
                        ('initial', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('kept', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('mrr', models.DecimalField(decimal_places=24, max_digits=44)),
                    ],
                    options={
                        'indexes': [models.Index(condition=models.Q(('customer_id__isnull', False)), fields=['customer_id'], name='metrics_cohortchange_own')],
                    },
                ),
                migrations.CreateModel(
                    name='CohortMonth',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('cohort', models.DateField()),
                        ('k', models.PositiveSmallIntegerField()),
                        ('close_on', models.DateField()),
                        ('size', models.PositiveIntegerField()),
                        ('paying', models.PositiveIntegerField()),
                        ('initial', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('kept', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('mrr', models.DecimalField(decimal_places=24, max_digits=44)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('cohort', 'k'), name='metrics_cohortmonth_one')],
                    },
                ),
                migrations.CreateModel(
                    name='CompanyMonth',
                    fields=[
                        ('month', models.DateField(primary_key=True, serialize=False)),
                        ('close_on', models.DateField()),
                        ('opening', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('new', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('reactivation', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('expansion', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('contraction', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('churn', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('fx', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('closing', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('new_n', models.PositiveIntegerField()),
                        ('reactivation_n', models.PositiveIntegerField()),
                        ('expansion_n', models.PositiveIntegerField()),
                        ('contraction_n', models.PositiveIntegerField()),
                        ('churn_n', models.PositiveIntegerField()),
                        ('base_expansion', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('base_contraction', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('base_churn', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('opening_at_close', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('kept', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('now_of_base', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('then_12m', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('kept_12m', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('now_12m', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('open_logos', models.PositiveIntegerField()),
                        ('close_logos', models.PositiveIntegerField()),
                        ('lost_logos', models.PositiveIntegerField()),
                        ('logos_12m', models.PositiveIntegerField()),
                        ('kept_logos_12m', models.PositiveIntegerField()),
                        ('ever_paid', models.PositiveIntegerField()),
                    ],
                    options={
                        'constraints': [models.CheckConstraint(condition=models.Q(('closing', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('opening'), '+', models.F('new')), '+', models.F('reactivation')), '+', models.F('expansion')), '+', models.F('contraction')), '+', models.F('churn')), '+', models.F('fx')))), name='metrics_companymonth_adds_up'), models.CheckConstraint(condition=models.Q(('close_logos', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('open_logos'), '+', models.F('new_n')), '+', models.F('reactivation_n')), '-', models.F('churn_n')))), name='metrics_companymonth_logos_add_up')],
                    },
                ),
                migrations.CreateModel(
                    name='CurrencyFactor',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('currency', models.CharField(max_length=3)),
                        ('day', models.DateField()),
                        ('factor', models.DecimalField(decimal_places=16, max_digits=30)),
                        ('rate_day', models.DateField()),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('currency', 'day'), name='metrics_currencyfactor_one_per_day'), models.CheckConstraint(condition=models.Q(('factor__gt', 0), ('factor__lt', 1000000000)), name='metrics_currencyfactor_positive')],
                    },
                ),
                migrations.CreateModel(
                    name='CustomerStart',
                    fields=[
                        ('pk', models.CompositePrimaryKey('customer_id', 'currency', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='starts', to='customers.customer')),
                        ('currency', models.CharField(max_length=3)),
                        ('first_paid_on', models.DateField()),
                        ('cohort', models.DateField()),
                        ('initial', models.DecimalField(decimal_places=8, max_digits=20)),
                    ],
                    options={
                        'indexes': [models.Index(fields=['cohort'], name='metrics_customerstart_cohort')],
                    },
                ),
                migrations.CreateModel(
                    name='DailyUsage',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='daily_usage', to='customers.customer')),
                        ('day', models.DateField()),
                        ('events', models.PositiveBigIntegerField()),
                        ('users', models.PositiveIntegerField(null=True)),
                        ('is_total', models.BooleanField(default=False)),
                    ],
                    options={
                        'indexes': [models.Index(fields=['day'], name='metrics_dailyusage_day')],
                        'constraints': [models.UniqueConstraint(fields=('customer', 'day'), name='metrics_dailyusage_one_per_day')],
                    },
                ),
                migrations.CreateModel(
                    name='DefinitionVersion',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('number', models.PositiveIntegerField(unique=True)),
                        ('config', models.JSONField()),
                        ('preset', models.CharField(blank=True, max_length=20)),
                        ('note', models.CharField(blank=True, max_length=300)),
                        ('published_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('published_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ],
                ),
                migrations.CreateModel(
                    name='Disagreement',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('customer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='disagreements', to='customers.customer')),
                        ('views', models.JSONField()),
                        ('since', models.DateField()),
                        ('seen_on', models.DateField()),
                        ('closed_at', models.DateTimeField(null=True)),
                        ('closed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('closing', models.CharField(blank=True, choices=[('evidence', 'new evidence'), ('override', 'Override'), ('card_change', 'scorecard change'), ('both_right', 'both right')], max_length=12)),
                        ('note', models.TextField(blank=True)),
                        ('evidence', models.CharField(blank=True, max_length=200)),
                        ('rests_until', models.DateField(null=True)),
                        ('confirmed', models.CharField(blank=True, max_length=20)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(condition=models.Q(('closed_at', None)), fields=('customer',), name='metrics_disagreement_one_open'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at', None), ('closing', '')), models.Q(('closed_at__isnull', False), ('closing__in', ['evidence', 'override', 'card_change', 'both_right'])), _connector='OR'), name='metrics_disagreement_closing')],
                    },
                ),
                migrations.CreateModel(
                    name='FeedHold',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('feed', models.CharField(max_length=40)),
                        ('from_at', models.DateTimeField()),
                        ('noted_at', models.DateTimeField(null=True)),
                        ('to_at', models.DateTimeField(null=True)),
                        ('lost', models.BooleanField(default=False)),
                        ('found_at', models.DateTimeField(null=True)),
                        ('reason', models.CharField(max_length=300)),
                        ('started_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('ended_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('end_reason', models.CharField(blank=True, max_length=300)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(condition=models.Q(('to_at', None)), fields=('feed',), name='metrics_feedhold_one_open'), models.CheckConstraint(condition=models.Q(('to_at', None), ('to_at__gte', models.F('from_at')), _connector='OR'), name='metrics_feedhold_forward')],
                    },
                ),
                migrations.CreateModel(
                    name='LineSegment',
                    fields=[
                        ('pk', models.CompositePrimaryKey('customer_id', 'subscription_id', 'from_on', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='line_segments', to='customers.customer')),
                        ('subscription', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='segments', to='customers.subscription')),
                        ('version', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='segments', to='customers.lineversion')),
                        ('from_on', models.DateField()),
                        ('to_on', models.DateField(null=True)),
                        ('mrr', models.DecimalField(decimal_places=8, max_digits=20)),
                        ('currency', models.CharField(max_length=3)),
                        ('state', models.CharField(max_length=16)),
                        ('counted', models.BooleanField()),
                        ('plan', models.CharField(blank=True, max_length=100)),
                        ('quantity', models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                        ('discounted', models.BooleanField(default=False)),
                        ('reason', models.CharField(blank=True, db_default='', max_length=200)),
                        ('native_mrr', models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                        ('factor', models.DecimalField(decimal_places=16, max_digits=30, null=True)),
                    ],
                    options={
                        'constraints': [models.CheckConstraint(condition=models.Q(('to_on', None), ('to_on__gt', models.F('from_on')), _connector='OR'), name='metrics_linesegment_forward'), models.CheckConstraint(condition=models.Q(('mrr__gte', 0), ('mrr__lt', 1000000000000)), name='metrics_linesegment_mrr')],
                    },
                ),
                migrations.CreateModel(
                    name='Miss',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('customer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='misses', to='customers.customer')),
                        ('day', models.DateField()),
                        ('lost_mrr', models.DecimalField(decimal_places=8, max_digits=20)),
                        ('is_churn', models.BooleanField()),
                        ('history', models.JSONField()),
                        ('label', models.CharField(blank=True, choices=[('seen_acted', 'seen, acted'), ('scored_not_acted', 'scored, not acted'), ('present_not_scored', 'present, not scored'), ('not_visible', 'not visible'), ('outside_control', 'outside control')], max_length=20)),
                        ('note', models.TextField(blank=True)),
                        ('labelled_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('labelled_at', models.DateTimeField(null=True)),
                    ],
                    options={
                        'indexes': [models.Index(fields=['day'], name='metrics_miss_day')],
                        'constraints': [models.UniqueConstraint(fields=('customer', 'day'), name='metrics_miss_one_per_loss'), models.CheckConstraint(condition=models.Q(models.Q(('label', ''), ('labelled_at', None)), models.Q(('label__in', ['seen_acted', 'scored_not_acted', 'present_not_scored', 'not_visible', 'outside_control']), ('labelled_at__isnull', False)), _connector='OR'), name='metrics_miss_label')],
                    },
                ),
                migrations.CreateModel(
                    name='MonthlyUsage',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='monthly_usage', to='customers.customer')),
                        ('user_ref', models.CharField(max_length=200)),
                        ('month', models.DateField()),
                        ('days', models.IntegerField()),
                    ],
                    options={
                        'indexes': [models.Index(fields=['month', 'customer'], name='metrics_monthlyusage_month')],
                        'constraints': [models.UniqueConstraint(fields=('customer', 'user_ref', 'month'), name='metrics_monthlyusage_one_per_month')],
                    },
                ),
                migrations.CreateModel(
                    name='Movement',
                    fields=[
                        ('pk', models.CompositePrimaryKey('customer_id', 'day', 'event', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='movements', to='customers.customer')),
                        ('day', models.DateField()),
                        ('event', models.PositiveIntegerField(default=0)),
                        ('kind', models.CharField(choices=[('new', 'New'), ('reactivation', 'Reactivation'), ('expansion', 'Expansion'), ('contraction', 'Contraction'), ('churn', 'Churn')], max_length=12)),
                        ('churn_kind', models.CharField(blank=True, max_length=20)),
                        ('reason', models.CharField(blank=True, max_length=30)),
                        ('stated_reason', models.CharField(blank=True, max_length=200)),
                        ('amount', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('mrr_before', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('mrr_after', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('currency', models.CharField(blank=True, max_length=3)),
                        ('native_amount', models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                        ('native_after', models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                    ],
                    options={
                        'indexes': [models.Index(fields=['day', 'kind'], name='metrics_movement_day')],
                        'constraints': [models.CheckConstraint(condition=models.Q(('mrr_after', django.db.models.expressions.CombinedExpression(models.F('mrr_before'), '+', models.F('amount'))), models.Q(('amount', 0), _negated=True)), name='metrics_movement_adds_up'), models.CheckConstraint(condition=models.Q(('kind__in', ['new', 'reactivation', 'expansion', 'contraction', 'churn'])), name='metrics_movement_known_kind')],
                    },
                ),
                migrations.CreateModel(
                    name='Override',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('customer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='overrides', to='customers.customer')),
                        ('kind', models.CharField(choices=[('value', 'replaces the score'), ('cap', 'at most')], max_length=10)),
                        ('value', models.DecimalField(decimal_places=6, max_digits=14)),
                        ('reason', models.CharField(max_length=40)),
                        ('text', models.TextField()),
                        ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('started_at', models.DateTimeField()),
                        ('ends_on', models.DateField()),
                        ('ended_at', models.DateTimeField(null=True)),
                        ('ended_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('computed_then', models.DecimalField(decimal_places=6, max_digits=14)),
                    ],
                    options={
                        'indexes': [models.Index(fields=['customer', 'started_at'], name='metrics_override_customer')],
                        'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('customer',), name='metrics_override_one_active', violation_error_message='This customer already has an override. End it first.'), models.CheckConstraint(condition=models.Q(('kind__in', ['value', 'cap'])), name='metrics_override_words'), models.CheckConstraint(condition=models.Q(('ended_at', None), ('ended_at__gte', models.F('started_at')), _connector='OR'), name='metrics_override_forward')],
                    },
                ),
                migrations.CreateModel(
                    name='OwnMeasure',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('key', models.SlugField(max_length=60)),
                        ('version', models.PositiveSmallIntegerField(default=1)),
                        ('slot', models.PositiveSmallIntegerField(unique=True)),
                        ('title', models.CharField(max_length=80)),
                        ('about', models.CharField(blank=True, max_length=200)),
                        ('kind', models.CharField(choices=[('field', 'custom field'), ('event', 'usage event'), ('actions', 'action points')], max_length=10)),
                        ('unit', models.CharField(max_length=10)),
                        ('better', models.CharField(choices=[('up', 'more is better'), ('down', 'less is better')], max_length=4)),
                        ('spec', models.JSONField()),
                        ('window_days', models.PositiveSmallIntegerField(default=0)),
                        ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                        ('retired_at', models.DateTimeField(null=True)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('key', 'version'), name='metrics_ownmeasure_one_meaning'), models.CheckConstraint(condition=models.Q(('better__in', ['up', 'down']), ('kind__in', ['field', 'event', 'actions'])), name='metrics_ownmeasure_words')],
                    },
                ),
                migrations.CreateModel(
                    name='PeerSnapshot',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('day', models.DateField()),
                        ('slot', models.PositiveSmallIntegerField()),
                        ('label', models.CharField(blank=True, max_length=200)),
                        ('customer_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                        ('values', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('day', 'slot', 'label'), name='metrics_peersnapshot_one')],
                    },
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
                    name='ValueEvent',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('purpose', models.CharField(choices=[('activation', 'activation'), ('first_value', 'first value')], max_length=12)),
                        ('segment', models.CharField(blank=True, max_length=100)),
                        ('event', models.CharField(blank=True, max_length=200)),
                        ('feature', models.CharField(blank=True, max_length=200)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('purpose', 'segment'), name='metrics_valueevent_one_per_segment'), models.CheckConstraint(condition=models.Q(('purpose__in', ['activation', 'first_value'])), name='metrics_valueevent_purpose'), models.CheckConstraint(condition=models.Q(('event', ''), ('feature', ''), _negated=True), name='metrics_valueevent_named', violation_error_message='Name an event or a feature.')],
                    },
                ),
                migrations.CreateModel(
                    name='FrozenValue',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('month', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='values', to='metrics.closedmonth')),
                        ('key', models.CharField(max_length=60)),
                        ('value', models.DecimalField(decimal_places=24, max_digits=44, null=True)),
                        ('numerator', models.DecimalField(decimal_places=24, max_digits=44, null=True)),
                        ('denominator', models.DecimalField(decimal_places=24, max_digits=44, null=True)),
                        ('reason', models.CharField(blank=True, max_length=30)),
                        ('maturing', models.BooleanField(default=False)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('month', 'key'), name='metrics_frozenvalue_one'), models.CheckConstraint(condition=models.Q(('value__isnull', False), models.Q(('reason', ''), _negated=True), _connector='OR'), name='metrics_frozenvalue_says_why')],
                    },
                ),
                migrations.CreateModel(
                    name='Restatement',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('month', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='restatements', to='metrics.closedmonth')),
                        ('key', models.CharField(max_length=60)),
                        ('as_reported', models.DecimalField(decimal_places=24, max_digits=44, null=True)),
                        ('before', models.DecimalField(decimal_places=24, max_digits=44, null=True)),
                        ('after', models.DecimalField(decimal_places=24, max_digits=44, null=True)),
                        ('difference', models.DecimalField(decimal_places=24, max_digits=44)),
                        ('cause', models.CharField(choices=[('late_fact', 'late facts'), ('matured', 'Matured')], max_length=12)),
                        ('facts', models.JSONField(default=list)),
                        ('found_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ],
                    options={
                        'indexes': [models.Index(fields=['month', 'key'], name='metrics_restatement_month')],
                    },
                ),
                migrations.CreateModel(
                    name='ScorecardVersion',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('scorecard', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='metrics.scorecard')),
                        ('number', models.PositiveIntegerField(null=True)),
                        ('kind', models.CharField(choices=[('weighted', 'Weighted'), ('actions', 'Actions'), ('rules', 'card rules')], default='weighted', max_length=10)),
                        ('state', models.CharField(choices=[('draft', 'Draft'), ('in_review', 'in review'), ('scheduled', 'Scheduled'), ('live', 'Live'), ('superseded', 'Superseded'), ('withdrawn', 'Withdrawn')], default='draft', max_length=12)),
                        ('body', models.JSONField()),
                        ('body_hash', models.CharField(max_length=64)),
                        ('base', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='metrics.scorecardversion')),
                        ('rollback_of', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='metrics.scorecardversion')),
                        ('note', models.CharField(blank=True, max_length=500)),
                        ('version', models.PositiveIntegerField(default=1)),
                        ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('edited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('edited_at', models.DateTimeField()),
                        ('acknowledged', models.JSONField(blank=True, default=dict)),
                        ('preview', models.JSONField(blank=True, null=True)),
                        ('sent_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('sent_at', models.DateTimeField(null=True)),
                        ('review_note', models.CharField(blank=True, max_length=500)),
                        ('approved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('approved_at', models.DateTimeField(null=True)),
                        ('approved_alone', models.CharField(blank=True, max_length=500)),
                        ('effective_on', models.DateField(null=True)),
                        ('live_from', models.DateTimeField(null=True)),
                        ('live_to', models.DateTimeField(null=True)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('scorecard', 'number'), name='metrics_scorecardversion_number'), models.UniqueConstraint(condition=models.Q(('state', 'live')), fields=('scorecard',), name='metrics_scorecardversion_one_live'), django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('live_from__isnull', False)), expressions=[(metrics.models.scorecard.IdRange('scorecard_id'), '&&'), (metrics.models.scorecard.MomentRange('live_from', 'live_to'), '&&')], name='metrics_scorecardversion_no_overlap'), models.CheckConstraint(condition=models.Q(models.Q(('live_from__isnull', False), ('number__isnull', False), ('state__in', ('live', 'superseded'))), models.Q(models.Q(('state__in', ('live', 'superseded')), _negated=True), ('number', None)), _connector='OR'), name='metrics_scorecardversion_numbered_when_live'), models.CheckConstraint(condition=models.Q(models.Q(('live_to', None), ('state', 'live')), models.Q(('live_to__gte', models.F('live_from')), ('state', 'superseded')), models.Q(('state__in', ('live', 'superseded')), _negated=True), _connector='OR'), name='metrics_scorecardversion_live_range'), models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'in_review', 'scheduled', 'live', 'superseded', 'withdrawn']), ('kind__in', ['weighted', 'actions', 'rules'])), name='metrics_scorecardversion_words')],
                    },
                ),
                migrations.CreateModel(
                    name='HealthScore',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('customer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='health_scores', to='customers.customer')),
                        ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='scores', to='metrics.scorecardversion')),
                        ('rules', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='metrics.scorecardversion')),
                        ('rule', models.PositiveSmallIntegerField(null=True)),
                        ('engine', models.PositiveSmallIntegerField()),
                        ('from_at', models.DateTimeField()),
                        ('to_at', models.DateTimeField(null=True)),
                        ('as_of', models.DateField()),
                        ('inputs', models.JSONField()),
                        ('inputs_hash', models.CharField(max_length=64)),
                        ('computed', models.DecimalField(decimal_places=6, max_digits=14, null=True)),
                        ('score', models.DecimalField(decimal_places=6, max_digits=14, null=True)),
                        ('arithmetic', models.DecimalField(decimal_places=6, max_digits=14, null=True)),
                        ('band', models.CharField(max_length=40)),
                        ('reason', models.CharField(blank=True, max_length=20)),
                        ('coverage', models.DecimalField(decimal_places=6, max_digits=7)),
                        ('lines', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                        ('cap', models.BigIntegerField(null=True)),
                        ('override', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='scores', to='metrics.override')),
                        ('override_part', models.BigIntegerField(default=0)),
                        ('held', models.BooleanField(default=False)),
                    ],
                    options={
                        'indexes': [models.Index(condition=models.Q(('to_at', None)), fields=['version', 'band'], name='metrics_healthscore_bands'), models.Index(fields=['customer', 'from_at'], name='metrics_healthscore_history')],
                        'constraints': [models.UniqueConstraint(condition=models.Q(('to_at', None)), fields=('customer',), name='metrics_healthscore_one_open'), django.contrib.postgres.constraints.ExclusionConstraint(expressions=[(metrics.models.scorecard.IdRange('customer_id'), '&&'), (metrics.models.scorecard.MomentRange('from_at', 'to_at'), '&&')], name='metrics_healthscore_no_overlap'), models.CheckConstraint(condition=models.Q(('to_at', None), ('to_at__gt', models.F('from_at')), _connector='OR'), name='metrics_healthscore_forward'), models.CheckConstraint(condition=models.Q(models.Q(('arithmetic', None), ('cap', None), ('lines__len', 0)), models.Q(('arithmetic', metrics.models.health_score.LinesSum(models.F('lines'), django.db.models.functions.comparison.Coalesce('cap', 0, output_field=models.BigIntegerField()))), ('arithmetic__isnull', False)), _connector='OR'), name='metrics_healthscore_lines_sum'), models.CheckConstraint(condition=models.Q(models.Q(('band', 'insufficient'), ('computed', None), ('override', None), ('override_part', 0), ('score', None), models.Q(('reason', ''), _negated=True)), models.Q(('computed', models.F('arithmetic')), ('computed__isnull', False), ('reason', ''), ('override_part', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('score'), '-', models.F('arithmetic')), '*', models.Value(1000000))), ('score__isnull', False), models.Q(('override__isnull', False), ('override_part', 0), _connector='OR'), models.Q(('band', 'insufficient'), _negated=True)), _connector='OR'), name='metrics_healthscore_parts_sum'), models.CheckConstraint(condition=models.Q(('coverage__gte', 0), ('coverage__lte', 1)), name='metrics_healthscore_coverage')],
                    },
                ),
                migrations.CreateModel(
                    name='Calibration',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('version', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='metrics.scorecardversion')),
                        ('body_hash', models.CharField(max_length=64)),
                        ('engine', models.PositiveSmallIntegerField()),
                        ('parameters', models.JSONField()),
                        ('result', models.JSONField()),
                        ('made_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='Backtest',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('version', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='metrics.scorecardversion')),
                        ('body_hash', models.CharField(max_length=64)),
                        ('engine', models.PositiveSmallIntegerField()),
                        ('parameters', models.JSONField()),
                        ('result', models.JSONField()),
                        ('made_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='Suggestion',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('version', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='metrics.scorecardversion')),
                        ('body_hash', models.CharField(max_length=64)),
                        ('engine', models.PositiveSmallIntegerField()),
                        ('parameters', models.JSONField()),
                        ('result', models.JSONField()),
                        ('made_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='closedmonth',
                    trigger=pgtrigger.compiler.Trigger(name='frozen', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='65166abd203f6d10269894f56785358ca36b7e45', operation='UPDATE OR DELETE', pgid='pgtrigger_frozen_da5a0', table='metrics_closedmonth', when='BEFORE')),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='definitionversion',
                    trigger=pgtrigger.compiler.Trigger(name='immutable', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='02de51983d3fa7ee4766b465afb999dbdc7fd79a', operation='UPDATE OR DELETE', pgid='pgtrigger_immutable_d902d', table='metrics_definitionversion', when='BEFORE')),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='frozenvalue',
                    trigger=pgtrigger.compiler.Trigger(name='frozen', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='608d675548e61af91e37bac6a2339e698e4c94a1', operation='UPDATE OR DELETE', pgid='pgtrigger_frozen_db651', table='metrics_frozenvalue', when='BEFORE')),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='ownmeasure',
                    trigger=pgtrigger.compiler.Trigger(name='meaning_is_final', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    IF TG_OP = 'UPDATE' AND to_jsonb(OLD) - 'retired_at' = to_jsonb(NEW) - 'retired_at' THEN\n                        RETURN NEW;\n                    END IF;\n                    RAISE EXCEPTION 'the meaning of a measure is final: % of % is refused', TG_OP, OLD.key\n                        USING ERRCODE = 'integrity_constraint_violation';\n                ", hash='177919667019ba2d8d7e33775da64ba79c635e2d', operation='UPDATE OR DELETE', pgid='pgtrigger_meaning_is_final_ac672', table='metrics_ownmeasure', when='BEFORE')),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='restatement',
                    trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='1fb24c034902f91ce319c50a6d8b5b221817ea30', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_62e9c', table='metrics_restatement', when='BEFORE')),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='scorecardversion',
                    trigger=pgtrigger.compiler.Trigger(name='published_is_final', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            IF OLD.state = 'draft' THEN\n                IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\n                RETURN NEW;\n            END IF;\n            IF TG_OP = 'UPDATE' AND NEW.body = OLD.body AND NEW.body_hash = OLD.body_hash AND NEW.kind = OLD.kind\n               AND NEW.scorecard_id = OLD.scorecard_id\n               AND (NEW.note = OLD.note OR OLD.number IS NULL) AND (NEW.state <> 'draft' OR OLD.state = 'in_review')\n               AND (OLD.number IS NULL OR NEW.number = OLD.number)\n               AND (OLD.live_from IS NULL OR NEW.live_from = OLD.live_from)\n               AND (OLD.live_to IS NULL OR NEW.live_to = OLD.live_to) THEN\n                RETURN NEW;\n            END IF;\n            RAISE EXCEPTION 'scorecard versions are final once published: % of version % is refused', TG_OP, OLD.id\n                USING ERRCODE = 'integrity_constraint_violation';\n        ", hash='4e4ee7fb0eb31d138be324e6a2219438f948e31e', operation='UPDATE OR DELETE', pgid='pgtrigger_published_is_final_965a0', table='metrics_scorecardversion', when='BEFORE')),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='healthscore',
                    trigger=pgtrigger.compiler.Trigger(name='closed_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."to_at" IS NOT NULL OR NEW."to_at" IS NULL)', func="\n            RAISE EXCEPTION 'scores are history: % of score % is refused', TG_OP, OLD.id\n                USING ERRCODE = 'integrity_constraint_violation';\n        ", hash='e7bdf84c41d3b5bdd0c9b0f5efa29967a5268f43', operation='UPDATE', pgid='pgtrigger_closed_once_ab995', table='metrics_healthscore', when='BEFORE')),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='healthscore',
                    trigger=pgtrigger.compiler.Trigger(name='never_rewritten', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (ROW(OLD."arithmetic", OLD."as_of", OLD."band", OLD."cap", OLD."computed", OLD."coverage", OLD."customer_id", OLD."engine", OLD."from_at", OLD."held", OLD."id", OLD."inputs", OLD."inputs_hash", OLD."lines", OLD."override_id", OLD."override_part", OLD."reason", OLD."rule", OLD."rules_id", OLD."score", OLD."version_id")::record *<> ROW(NEW."arithmetic", NEW."as_of", NEW."band", NEW."cap", NEW."computed", NEW."coverage", NEW."customer_id", NEW."engine", NEW."from_at", NEW."held", NEW."id", NEW."inputs", NEW."inputs_hash", NEW."lines", NEW."override_id", NEW."override_part", NEW."reason", NEW."rule", NEW."rules_id", NEW."score", NEW."version_id")::record)', func="\n            RAISE EXCEPTION 'scores are history: % of score % is refused', TG_OP, OLD.id\n                USING ERRCODE = 'integrity_constraint_violation';\n        ", hash='1eec6fd4064d74f65aea5d05b0ba75202c4f7bb0', operation='UPDATE', pgid='pgtrigger_never_rewritten_f67c6', table='metrics_healthscore', when='BEFORE')),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='healthscore',
                    trigger=pgtrigger.compiler.Trigger(name='never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            RAISE EXCEPTION 'scores are history: % of score % is refused', TG_OP, OLD.id\n                USING ERRCODE = 'integrity_constraint_violation';\n        ", hash='97acc1c35e09614988cae0b920f752065b82cc8d', operation='DELETE', pgid='pgtrigger_never_deleted_4adea', table='metrics_healthscore', when='BEFORE')),
                ),
                migrations.RunSQL(
                    (Path(__file__).parent / "customer_month_view.sql").read_text(encoding="utf-8"),
                    reverse_sql="DROP VIEW metrics_customermonth",
                ),
            ],
        ),
    ]
