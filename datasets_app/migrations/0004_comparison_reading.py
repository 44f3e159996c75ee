"""Comparisons are kept by how classes read. What was kept is computed again when asked for."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import store_app.fields


class Migration(migrations.Migration):
    dependencies = [
        ("datasets_app", "0003_union_counts"),
    ]

    operations = [
        # New tables rather than a new column: PostgreSQL does not alter a table from which the
        # same transaction deleted rows that others point to.
        migrations.DeleteModel(name="ComparedImage"),
        migrations.DeleteModel(name="PixelComparison"),
        migrations.RunSQL("DELETE FROM datasets_app_pairdiff", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="PixelComparison",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("algorithm", models.PositiveIntegerField()),
                ("reading", store_app.fields.DigestField()),
                ("totals", models.JSONField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "job",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="datasets_app.job",
                    ),
                ),
                (
                    "new",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="datasets_app.version",
                    ),
                ),
                (
                    "old",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="datasets_app.version",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("old", "new", "algorithm", "reading"),
                        name="one_pixel_comparison_per_pair",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ComparedImage",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "comparison_id",
                        "key",
                        "image_no",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("key", models.CharField(max_length=100)),
                ("image_no", models.PositiveIntegerField()),
                ("changed_pixels", models.BigIntegerField()),
                (
                    "comparison",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="images",
                        to="datasets_app.pixelcomparison",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["comparison", "key", "-changed_pixels", "image_no"],
                        name="compared_by_change",
                    )
                ],
            },
        ),
    ]
