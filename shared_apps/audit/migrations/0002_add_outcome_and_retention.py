import django.db.models.fields.json
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditRetention",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("keep_days", models.PositiveIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name="auditentry",
            name="outcome",
            field=models.CharField(choices=[("done", "Done"), ("refused", "Refused")], db_default="done", default="done", max_length=8),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="version",
            field=models.SmallIntegerField(db_default=1, default=2),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["action", "n"], name="audit_entry_action"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(django.db.models.fields.json.KT("actor__id"), models.F("n"), name="audit_entry_actor"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["at"], name="audit_entry_at"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(condition=models.Q(("outcome", "refused")), fields=["n"], name="audit_entry_refused"),
        ),
    ]
