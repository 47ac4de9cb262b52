from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="portfolioresult",
            name="value_1d",
            field=models.FloatField(
                help_text="US dollars, at the close a day before.", null=True
            ),
        ),
        migrations.AddField(
            model_name="portfolioresult",
            name="value_7d",
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name="portfolioresult",
            name="value_30d",
            field=models.FloatField(null=True),
        ),
    ]
