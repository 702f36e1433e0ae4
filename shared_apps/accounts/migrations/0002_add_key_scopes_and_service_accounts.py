from django.db import migrations, models

import shared_apps.accounts.scopes


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="allowed_networks",
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
        ),
        migrations.AddField(
            model_name="apikey",
            name="last_used_ip",
            field=models.CharField(blank=True, db_default="", default="", max_length=45),
        ),
        migrations.AddField(
            model_name="apikey",
            name="rate_class",
            field=models.CharField(
                choices=[("low", "Low"), ("standard", "Standard"), ("high", "High")],
                db_default="standard",
                default="standard",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="scopes",
            field=models.JSONField(db_default=models.Value(["*"], models.JSONField()), default=shared_apps.accounts.scopes.every_scope),
        ),
        migrations.AddField(
            model_name="apikey",
            name="successor_id",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="is_service",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
