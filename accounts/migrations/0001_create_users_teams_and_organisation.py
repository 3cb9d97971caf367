import accounts.models.organisation
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Organisation',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('name', models.CharField(default='Your company', max_length=80)),
                ('time_zone', models.CharField(default=accounts.models.organisation.default_time_zone, help_text='Days, months and due dates follow this zone.', max_length=64)),
                ('currency', models.CharField(default='EUR', help_text='Totals and metrics are shown in this currency.', max_length=3)),
                ('csm_read_scope', models.CharField(choices=[('own', 'Own book'), ('team', 'Own team and the teams below'), ('all', "Everybody's book")], default='own', max_length=4)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='accounts_organisation_one_row'), models.CheckConstraint(condition=models.Q(('currency__regex', '^[A-Z]{3}$')), name='accounts_organisation_currency_is_iso', violation_error_message='Use the three capital letters of ISO 4217, for example EUR.'), models.CheckConstraint(condition=models.Q(('csm_read_scope__in', ['own', 'team', 'all'])), name='accounts_organisation_scope_known')],
            },
        ),
        migrations.CreateModel(
            name='Team',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('parent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='accounts.team')),
            ],
            options={
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='accounts_team_name_unique', violation_error_message='There is a team of that name already.'), models.CheckConstraint(condition=models.Q(('parent', models.F('id')), _negated=True), name='accounts_team_not_own_parent', violation_error_message='A team cannot stand below itself.')],
            },
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('email', models.EmailField(error_messages={'unique': 'A user with this email exists already.'}, help_text='Lower case.', max_length=254, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('role', models.CharField(choices=[('admin', 'Admin'), ('manager', 'Manager'), ('csm', 'CSM'), ('viewer', 'Viewer')], default='csm', max_length=8)),
                ('time_zone', models.CharField(blank=True, default='', help_text="Empty: the organisation's zone.", max_length=64)),
                ('read_scope', models.CharField(blank=True, choices=[('own', 'Own book'), ('team', 'Own team and the teams below'), ('all', "Everybody's book")], default='', help_text='Empty: what the role gives.', max_length=4)),
                ('grants', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('export', 'Export lists'), ('send_campaign', 'Send campaigns'), ('publish_scorecard', 'Publish scorecards'), ('see_identities', 'See names in answers'), ('manage_users', 'Manage users')], max_length=24), blank=True, default=list, size=None)),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('deactivated_at', models.DateTimeField(blank=True, null=True)),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='members', to='accounts.team')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='accounts_user_email_lower_case'), models.CheckConstraint(condition=models.Q(('role__in', ['admin', 'manager', 'csm', 'viewer'])), name='accounts_user_role_known'), models.CheckConstraint(condition=models.Q(('read_scope__in', ['', 'own', 'team', 'all'])), name='accounts_user_scope_known'), models.CheckConstraint(condition=models.Q(('grants__contained_by', models.Value(['export', 'send_campaign', 'publish_scorecard', 'see_identities', 'manage_users'], output_field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=24), size=None)))), name='accounts_user_grants_known'), models.CheckConstraint(condition=models.Q(models.Q(('deactivated_at__isnull', True), ('is_active', True)), ('is_active', False), _connector='OR'), name='accounts_user_active_or_left')],
            },
        ),
        migrations.CreateModel(
            name='OneTimeLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('invite', 'Invitation to join')], max_length=12)),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('expires_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='links', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('purpose__in', ['invite'])), name='accounts_one_time_link_purpose_known')],
            },
        ),
    ]
