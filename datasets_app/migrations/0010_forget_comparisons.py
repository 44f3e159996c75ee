"""What is kept of comparisons lacks boundaries; it is computed again when asked for.

A migration of its own: PostgreSQL does not alter a table from which the same transaction deleted
rows that others point to.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("datasets_app", "0009_unfinished_roots"),
    ]

    operations = [
        migrations.RunSQL(f"DELETE FROM datasets_app_{table}", migrations.RunSQL.noop)
        for table in ("comparedimage", "pixelcomparison", "pairdiff")
    ]
