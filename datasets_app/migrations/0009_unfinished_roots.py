import store_app.fields
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("datasets_app", "0008_workers_and_logs")]

    operations = [
        migrations.RenameField("changeset", "created_at", "written_at"),
        migrations.AddField("changeset", "unfinished_root", store_app.fields.DigestField(null=True)),
    ]
