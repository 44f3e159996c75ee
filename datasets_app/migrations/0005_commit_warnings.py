import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('datasets_app', '0004_comparison_reading'),
    ]

    operations = [
        migrations.AddField(
            model_name='changeset',
            name='warning_count',
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.CreateModel(
            name='CommitWarnings',
            fields=[
                ('change_set', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='commit_warnings', serialize=False, to='datasets_app.changeset')),
                ('listed', models.JSONField()),
            ],
        ),
    ]
