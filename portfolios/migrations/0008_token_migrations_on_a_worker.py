import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portfolios", "0007_own_assets_and_category_targets"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="tokenmigration",
            name="attempt",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="tokenmigration",
            name="outcome",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="Of the latest change.",
            ),
        ),
        migrations.AddField(
            model_name="tokenmigration",
            name="started_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="tokenmigration",
            name="started_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="tokenmigration",
            name="state",
            field=models.CharField(
                choices=[
                    ("prepared", "Prepared"),
                    ("applying", "Applying"),
                    ("applied", "Applied"),
                    ("reversing", "Reversing"),
                ],
                default="prepared",
                editable=False,
                max_length=10,
            ),
        ),
    ]
