import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0002_earlier_values"),
    ]

    operations = [
        migrations.AddField(
            model_name="alertevent",
            name="departed_on",
            field=models.DateField(
                help_text="The day digests count it to: earlier than the run's after an outage.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="nightlyrun",
            name="is_silent",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="It wrote to nobody, since a newer night was waiting already.",
            ),
        ),
        migrations.AddField(
            model_name="nightlyrun",
            name="letters_since",
            field=models.DateField(
                help_text="The first day its letters are about; earlier than its own after an outage.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="runchunk",
            name="version",
            field=models.PositiveSmallIntegerField(db_default=1, default=1),
        ),
        migrations.AlterField(
            model_name="nightlyrun",
            name="state",
            field=models.CharField(
                choices=[
                    ("created", "waiting for prices"),
                    ("priced", "prices are in"),
                    ("measured", "market measured"),
                    ("planned", "computing portfolios"),
                    ("published", "Published"),
                    ("withheld", "withheld: too much went wrong"),
                    ("cancelled", "Cancelled"),
                    ("skipped", "Skipped"),
                ],
                default="created",
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="RunStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("created", "waiting for prices"),
                            ("priced", "prices are in"),
                            ("measured", "market measured"),
                            ("planned", "computing portfolios"),
                            ("published", "Published"),
                            ("withheld", "withheld: too much went wrong"),
                            ("cancelled", "Cancelled"),
                            ("skipped", "Skipped"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "entered_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "heartbeat_at",
                    models.DateTimeField(
                        help_text="When NIGHT_HEARTBEAT_URL was told, if it is.", null=True
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="steps",
                        to="analytics.nightlyrun",
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
    ]
