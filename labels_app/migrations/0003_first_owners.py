from django.db import migrations


def give_owners(apps, schema_editor):
    """Who published the first version of a taxonomy owns it, as those who create one now do."""
    TaxonomyVersion = apps.get_model("labels_app", "TaxonomyVersion")
    Membership = apps.get_model("people_app", "Membership")
    first = TaxonomyVersion.objects.filter(number=1, author__isnull=False)
    Membership.objects.bulk_create(
        [
            Membership(
                user_id=user_id, resource_kind="taxonomy", resource_id=taxonomy_id, role="owner"
            )
            for taxonomy_id, user_id in first.values_list("taxonomy_id", "author_id")
        ],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("labels_app", "0002_curation"),
        ("people_app", "0002_taxonomy_roles"),
    ]

    operations = [migrations.RunPython(give_owners, migrations.RunPython.noop)]
