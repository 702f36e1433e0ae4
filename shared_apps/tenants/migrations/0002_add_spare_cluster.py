from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="spare",
            name="cluster",
            field=models.CharField(default="default", max_length=40),
        ),
    ]
