"""A release that is not ours: an app with two migrations in a temporary folder, and settings that install it beside the product.

The migrations are those of an ordinary release: two columns and an index on a table that is there, and a table with two foreign keys.
"""

from pathlib import Path

APP = "bench_release"
_FILES = {
    "__init__.py": "",
    "apps.py": '''
from django.apps import AppConfig

class BenchConfig(AppConfig):
    name = "bench_release"

    def ready(self):
        """The app's content type and permissions get ids behind all pinned ones."""
        from importlib.util import find_spec
        if find_spec("shared_apps") is None:
            return
        from shared_apps.tenants import pinned
        known = pinned.pinned_ids
        keys = {"content_types": ["bench_release.visit"],
                "permissions": [f"bench_release.{verb}_visit" for verb in ("add", "change", "delete", "view")]}

        def extended():
            pins = known()
            for group, names in keys.items():
                first = max(pins[group].values()) + 1
                pins[group].update({name: first + number for number, name in enumerate(names)})
            return pins

        pinned.pinned_ids = extended
''',
    "models.py": """
from django.conf import settings
from django.db import models

class Visit(models.Model):
    ticket = models.ForeignKey("tickets.Ticket", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(auto_now_add=True)
""",
    "migrations/__init__.py": "",
    "migrations/0001_add_columns.py": """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("tickets", "0001_initial")]
    operations = [
        migrations.RunSQL("ALTER TABLE tickets_ticket ADD COLUMN bench_score integer"),
        migrations.RunSQL("ALTER TABLE tickets_ticket ADD COLUMN bench_label varchar(40) DEFAULT '' NOT NULL"),
        migrations.RunSQL("CREATE INDEX bench_ticket_score ON tickets_ticket (bench_score)"),
    ]
""",
    "migrations/0002_add_visit.py": """
from django.conf import settings
from django.db import migrations, models
import django.db.models.deletion

class Migration(migrations.Migration):
    dependencies = [("bench_release", "0001_add_columns"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel(name="Visit", fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("seen_at", models.DateTimeField(auto_now_add=True)),
            ("ticket", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tickets.ticket")),
            ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
        ]),
    ]
""",
}
_SETTINGS = """
from config.settings.test import *
INSTALLED_APPS = [*INSTALLED_APPS, "bench_release"]
TENANT_APPS = [*TENANT_APPS, "bench_release"]
"""


def write_release(folder: Path) -> str:
    """Writes the app and its settings into the folder, which belongs on the module path. Returns the settings' module."""
    for name, text in _FILES.items():
        path = folder / APP / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip(), encoding="utf-8")
    (folder / "bench_settings.py").write_text(_SETTINGS.lstrip(), encoding="utf-8")
    return "bench_settings"
