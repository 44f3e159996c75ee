"""By what lists of changed images are sorted, and which class became which in them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("datasets_app", "0010_forget_comparisons"),
    ]

    operations = [
        migrations.AddField(
            model_name="pixelcomparison",
            name="image_counts",
            field=models.JSONField(default=dict),
        ),
        migrations.CreateModel(
            name="ComparedFlow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "comparison_id",
                        "old_class",
                        "new_class",
                        "image_no",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("old_class", models.PositiveIntegerField()),
                ("new_class", models.PositiveIntegerField()),
                ("image_no", models.PositiveIntegerField()),
                ("pixels", models.BigIntegerField()),
                ("segments", models.PositiveIntegerField()),
                (
                    "comparison",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="flows",
                        to="datasets_app.pixelcomparison",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RankedImage",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "comparison_id",
                        "image_no",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("image_no", models.PositiveIntegerField()),
                ("changed_pixels", models.BigIntegerField()),
                ("changed_share", models.FloatField()),
                ("quality_loss", models.FloatField()),
                ("segments", models.PositiveIntegerField()),
                ("boundary_loss", models.FloatField()),
                (
                    "comparison",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ranked",
                        to="datasets_app.pixelcomparison",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["comparison", "-changed_share", "image_no"], name="ranked_by_share"
                    ),
                    models.Index(
                        fields=["comparison", "-quality_loss", "image_no"], name="ranked_by_quality"
                    ),
                    models.Index(
                        fields=["comparison", "-segments", "image_no"], name="ranked_by_segments"
                    ),
                    models.Index(
                        fields=["comparison", "-boundary_loss", "image_no"],
                        name="ranked_by_boundary",
                    ),
                ],
            },
        ),
    ]
