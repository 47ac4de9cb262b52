"""A switch for alerts becomes a choice of when to write, and people get a time zone."""

from django.db import migrations, models


def keep_the_switch(apps, schema_editor):
    apps.get_model("accounts", "User").objects.filter(drift_alerts=False).update(
        alert_preference="none"
    )


def back_to_the_switch(apps, schema_editor):
    apps.get_model("accounts", "User").objects.filter(alert_preference="none").update(
        drift_alerts=False
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="alert_preference",
            field=models.CharField(
                choices=[
                    ("each", "At once, one e-mail for each portfolio"),
                    ("daily", "At most once a day, all portfolios together"),
                    ("weekly", "On Mondays, all portfolios of the week together"),
                    ("none", "Never"),
                ],
                db_default="each",
                default="each",
                max_length=6,
                verbose_name="e-mail about portfolios",
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="time_zone",
            field=models.CharField(db_default="UTC", default="UTC", max_length=64),
        ),
        migrations.RunPython(keep_the_switch, back_to_the_switch),
        migrations.RemoveField(model_name="user", name="drift_alerts"),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("alert_preference__in", ["each", "daily", "weekly", "none"])),
                name="user_alert_preference_known",
            ),
        ),
    ]
