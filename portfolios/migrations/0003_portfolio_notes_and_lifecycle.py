from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("portfolios", "0002_token_migrations")]

    operations = [
        migrations.AddField(
            model_name="portfolio",
            name="notes",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="portfolio",
            name="archived_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="portfolio",
            name="deleted_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
