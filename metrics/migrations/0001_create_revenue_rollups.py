import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('customers', '0002_create_usage_events'),
    ]

    operations = [
        migrations.CreateModel(
            name='DirtyMonth',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
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
                ('checksum', models.CharField(blank=True, max_length=64)),
            ],
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
            name='CustomerMonth',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
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
                ('cohort', models.DateField(null=True)),
                ('initial_at_close', models.DecimalField(decimal_places=24, max_digits=44)),
                ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='months', to='customers.customer')),
            ],
            options={
                'indexes': [models.Index(fields=['month'], name='metrics_customermonth_month')],
                'constraints': [models.UniqueConstraint(fields=('customer', 'month'), name='metrics_customermonth_one'), models.CheckConstraint(condition=models.Q(('closing', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('opening'), '+', models.F('new')), '+', models.F('reactivation')), '+', models.F('expansion')), '+', models.F('contraction')), '+', models.F('churn')), '+', models.F('fx')))), name='metrics_customermonth_adds_up'), models.CheckConstraint(condition=models.Q(('closing__gte', 0), ('opening__gte', 0)), name='metrics_customermonth_no_negative')],
            },
        ),
        migrations.CreateModel(
            name='CustomerStart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('currency', models.CharField(max_length=3)),
                ('first_paid_on', models.DateField()),
                ('cohort', models.DateField()),
                ('initial', models.DecimalField(decimal_places=8, max_digits=20)),
                ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='starts', to='customers.customer')),
            ],
            options={
                'indexes': [models.Index(fields=['cohort'], name='metrics_customerstart_cohort')],
                'constraints': [models.UniqueConstraint(fields=('customer', 'currency'), name='metrics_customerstart_one')],
            },
        ),
        migrations.CreateModel(
            name='DailyUsage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('events', models.PositiveBigIntegerField()),
                ('users', models.PositiveIntegerField(null=True)),
                ('is_total', models.BooleanField(default=False)),
                ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='daily_usage', to='customers.customer')),
            ],
            options={
                'indexes': [models.Index(fields=['day'], name='metrics_dailyusage_day')],
                'constraints': [models.UniqueConstraint(fields=('customer', 'day'), name='metrics_dailyusage_one_per_day')],
            },
        ),
        migrations.CreateModel(
            name='LineSegment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('from_on', models.DateField()),
                ('to_on', models.DateField(null=True)),
                ('mrr', models.DecimalField(decimal_places=8, max_digits=20)),
                ('currency', models.CharField(max_length=3)),
                ('state', models.CharField(max_length=16)),
                ('counted', models.BooleanField()),
                ('plan', models.CharField(blank=True, max_length=100)),
                ('quantity', models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                ('discounted', models.BooleanField(default=False)),
                ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='line_segments', to='customers.customer')),
                ('subscription', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='segments', to='customers.subscription')),
                ('version', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='segments', to='customers.lineversion')),
            ],
            options={
                'indexes': [models.Index(fields=['customer', 'from_on'], name='metrics_linesegment_customer'), models.Index(fields=['from_on'], name='metrics_linesegment_starts'), models.Index(fields=['to_on'], name='metrics_linesegment_ends')],
                'constraints': [models.UniqueConstraint(fields=('subscription', 'from_on'), name='metrics_linesegment_one_per_day'), models.CheckConstraint(condition=models.Q(('to_on', None), ('to_on__gt', models.F('from_on')), _connector='OR'), name='metrics_linesegment_forward'), models.CheckConstraint(condition=models.Q(('mrr__gte', 0), ('mrr__lt', 1000000000000)), name='metrics_linesegment_mrr')],
            },
        ),
        migrations.CreateModel(
            name='MonthlyUsage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user_ref', models.CharField(max_length=200)),
                ('month', models.DateField()),
                ('days', models.IntegerField()),
                ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='monthly_usage', to='customers.customer')),
            ],
            options={
                'indexes': [models.Index(fields=['month', 'customer'], name='metrics_monthlyusage_month')],
                'constraints': [models.UniqueConstraint(fields=('customer', 'user_ref', 'month'), name='metrics_monthlyusage_one_per_month')],
            },
        ),
        migrations.CreateModel(
            name='Movement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('kind', models.CharField(choices=[('new', 'New'), ('reactivation', 'Reactivation'), ('expansion', 'Expansion'), ('contraction', 'Contraction'), ('churn', 'Churn')], max_length=12)),
                ('churn_kind', models.CharField(blank=True, max_length=20)),
                ('reason', models.CharField(blank=True, max_length=20)),
                ('stated_reason', models.CharField(blank=True, max_length=200)),
                ('amount', models.DecimalField(decimal_places=24, max_digits=44)),
                ('mrr_before', models.DecimalField(decimal_places=24, max_digits=44)),
                ('mrr_after', models.DecimalField(decimal_places=24, max_digits=44)),
                ('currency', models.CharField(blank=True, max_length=3)),
                ('native_amount', models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='movements', to='customers.customer')),
            ],
            options={
                'indexes': [models.Index(fields=['day', 'kind'], name='metrics_movement_day')],
                'constraints': [models.UniqueConstraint(fields=('customer', 'day'), name='metrics_movement_one_per_day'), models.CheckConstraint(condition=models.Q(('mrr_after', django.db.models.expressions.CombinedExpression(models.F('mrr_before'), '+', models.F('amount'))), models.Q(('amount', 0), _negated=True)), name='metrics_movement_adds_up'), models.CheckConstraint(condition=models.Q(('kind__in', ['new', 'reactivation', 'expansion', 'contraction', 'churn'])), name='metrics_movement_known_kind')],
            },
        ),
    ]
