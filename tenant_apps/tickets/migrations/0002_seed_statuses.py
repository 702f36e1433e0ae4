"""The statuses every tenant starts with."""

from django.db import migrations
from kernel.db.operations import SeedRows

STATUSES = [
    ("new", "new", "New", "Received", "blue"),
    ("open", "open", "Open", "In progress", "green"),
    ("waiting-customer", "waiting_customer", "Waiting for customer", "Waiting for you", "amber"),
    ("waiting-other", "waiting_other", "On hold", "In progress", "gray"),
    ("solved", "solved", "Solved", "Solved", "gray"),
    ("closed", "closed", "Closed", "Closed", "gray"),
]


def seed(apps, schema_editor):
    status = apps.get_model("tickets", "Status")
    for position, (key, category, label_agent, label_customer, color) in enumerate(STATUSES):
        status.objects.get_or_create(
            key=key,
            defaults={
                "category": category,
                "label_agent": label_agent,
                "label_customer": label_customer,
                "color": color,
                "position": position,
                "is_default": True,
            },
        )


class Migration(migrations.Migration):
    dependencies = [("tickets", "0001_initial")]
    operations = [SeedRows(seed)]
