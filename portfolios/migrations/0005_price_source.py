from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("portfolios", "0004_catalogue_constraints"),
    ]

    operations = [
        migrations.CreateModel(
            name="PriceSource",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                (
                    "name",
                    models.CharField(
                        choices=[("simulated", "a simulated market"), ("files", "daily files")],
                        max_length=10,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("id", 1)), name="price_source_only_row"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name__in", ["simulated", "files"])),
                        name="price_source_known",
                    ),
                ],
            },
        ),
    ]
