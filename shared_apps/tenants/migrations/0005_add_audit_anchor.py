from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0004_add_life_cycle"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditAnchor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tenant_public_id", models.UUIDField(null=True)),
                ("n", models.BigIntegerField()),
                ("hash", models.BinaryField()),
                ("set_at", models.DateTimeField()),
                ("mac", models.BinaryField()),
            ],
            options={
                "indexes": [models.Index(fields=["tenant_public_id", "-n"], name="tenants_anchor_of_tenant")],
            },
        ),
    ]
