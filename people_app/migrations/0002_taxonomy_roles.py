from django.db import migrations, models

ROLES = [
    ("reader", "Reader"),
    ("annotator", "Annotator"),
    ("reviewer", "Reviewer"),
    ("admin", "Admin"),
    ("curator", "Curator"),
    ("owner", "Owner"),
]


class Migration(migrations.Migration):
    dependencies = [("people_app", "0001_initial")]

    operations = [
        migrations.RemoveConstraint(model_name="membership", name="membership_role_is_known"),
        migrations.AlterField(
            model_name="membership",
            name="role",
            field=models.CharField(choices=ROLES, max_length=20),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", [role for role, _ in ROLES])),
                name="membership_role_is_known",
            ),
        ),
    ]
