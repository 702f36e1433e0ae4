import django.db.models.deletion
import kernel.ids
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0002_add_spare_cluster"),
    ]

    operations = [
        migrations.AddField(
            model_name="artefact",
            name="serves",
            field=models.JSONField(db_default=[], default=list),
        ),
        migrations.AddField(
            model_name="spare",
            name="is_ready",
            field=models.BooleanField(db_default=True, default=False),
        ),
        migrations.AddField(
            model_name="tenant",
            name="is_canary",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.CreateModel(
            name="FleetRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=kernel.ids.new_id, editable=False, unique=True)),
                ("target", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("stopped", "Stopped"),
                            ("interrupted", "Interrupted"),
                        ],
                        default="running",
                        max_length=16,
                    ),
                ),
                ("cluster", models.CharField(blank=True, max_length=40)),
                ("canaries", models.JSONField(default=list)),
                ("jobs", models.SmallIntegerField(default=1)),
                ("total", models.IntegerField(default=0)),
                ("done", models.IntegerField(default=0)),
                ("failed", models.IntegerField(default=0)),
                ("requested_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("seen_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "tenant",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="tenants.tenant"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FleetScript",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=64)),
                ("target", models.CharField(max_length=64)),
                ("statements", models.JSONField()),
                ("after_statements", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("source", "target"), name="tenants_fleetscript_once")],
            },
        ),
        migrations.CreateModel(
            name="FleetStep",
            fields=[
                (
                    "tenant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="fleet_step",
                        serialize=False,
                        to="tenants.tenant",
                    ),
                ),
                ("source", models.CharField(max_length=64)),
                ("target", models.CharField(max_length=64)),
                ("wave", models.SmallIntegerField(default=1)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("after", "After"), ("done", "Done"), ("failed", "Failed")],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("attempts", models.SmallIntegerField(default=0)),
                ("error", models.TextField(blank=True)),
                ("after_statements", models.JSONField(default=list)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "run",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="steps", to="tenants.fleetrun"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DataChangeProgress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                ("cursor", models.CharField(blank=True, max_length=200)),
                ("is_done", models.BooleanField(default=False)),
                ("attempts", models.SmallIntegerField(default=0)),
                ("error", models.TextField(blank=True)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "tenant",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="data_changes", to="tenants.tenant"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("tenant", "name"), name="tenants_datachangeprogress_once")],
            },
        ),
        migrations.AddIndex(
            model_name="fleetrun",
            index=models.Index(fields=["-requested_at", "-id"], name="tenants_fleetrun_newest"),
        ),
        migrations.AddIndex(
            model_name="fleetstep",
            index=models.Index(fields=["state", "wave", "attempts", "tenant"], name="tenants_fleetstep_next"),
        ),
    ]
