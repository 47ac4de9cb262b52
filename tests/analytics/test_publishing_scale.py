"""What PostgreSQL does to publish a night grows with the night, and not with its square.

The plans are those it really ran, as its own auto_explain reports them.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from django.db import connection

from accounts.models import Notification, OutgoingEmail, User
from accounts.services import letters
from analytics.services import nights
from portfolios.models import Holding, Portfolio, TargetWeight
from tests.factories import UserFactory

CROWD = 1500
# Rows that one step of a plan reads, for each portfolio of the night.
MOST_EACH = 20
REPORT = {
    "log_min_duration": "0",
    "log_analyze": "on",
    "log_timing": "off",
    "log_format": "json",
    "log_level": "notice",
}


def crowd_out_of_balance(coins) -> None:
    """All of bitcoin, half of it wanted in SOL: everybody is in breach."""
    template = UserFactory()
    users = User.objects.bulk_create(
        User(email=f"crowd{n}@example.org", password=template.password) for n in range(CROWD)
    )
    portfolios = Portfolio.objects.bulk_create(Portfolio(owner=user, name="All") for user in users)
    Holding.objects.bulk_create(
        Holding(portfolio=each, asset=coins["BTC"], quantity=Decimal(5)) for each in portfolios
    )
    TargetWeight.objects.bulk_create(
        TargetWeight(portfolio=each, asset=coins[symbol], weight=Decimal("0.5"))
        for each in portfolios
        for symbol in ("BTC", "SOL")
    )
    with connection.cursor() as cursor:  # as autovacuum has long done when a night begins
        cursor.execute("ANALYZE accounts_user, portfolios_portfolio")
        cursor.execute("ANALYZE portfolios_holding, portfolios_targetweight")


def steps(plan: dict) -> Iterator[dict]:
    yield plan
    for child in plan.get("Plans", []):
        yield from steps(child)


def rows_read(step: dict) -> float:
    """Rows that a step brought forth or looked at in vain, all its loops together."""
    each = step["Actual Rows"] + sum(
        rows for name, rows in step.items() if name.startswith("Rows Removed")
    )
    return each * step["Actual Loops"]


def assert_linear(plans: list[dict]) -> None:
    for plan in plans:
        worst = max(steps(plan["Plan"]), key=rows_read)
        assert rows_read(worst) <= MOST_EACH * CROWD, plan["Query Text"]


@contextmanager
def plans_of_all_statements() -> Iterator[list[dict]]:
    plans: list[dict] = []

    def keep(notice: psycopg.errors.Diagnostic) -> None:
        plans.append(json.loads(notice.message_primary.partition("plan:\n")[2]))

    with connection.cursor() as cursor:
        cursor.execute("LOAD 'auto_explain'")
        for name, value in REPORT.items():
            cursor.execute(f"SET auto_explain.{name} = '{value}'")
        connection.connection.add_notice_handler(keep)
        try:
            yield plans
        finally:
            connection.connection.remove_notice_handler(keep)
            for name in REPORT:
                cursor.execute(f"RESET auto_explain.{name}")


def test_no_step_of_publishing_compares_each_portfolio_with_each(coins, as_of, settings):
    settings.NIGHT_CHUNK_SIZE = 500
    crowd_out_of_balance(coins)
    with plans_of_all_statements() as plans:
        nights.run_to_end(as_of=as_of - timedelta(days=1))  # opens episodes, and begins letters
        nights.run_to_end(as_of=as_of)
    assert OutgoingEmail.objects.count() == CROWD
    assert len(plans) > 50
    assert_linear(plans)


@pytest.mark.django_db
def test_a_letter_to_everybody_compares_nobody_with_everybody():
    users = User.objects.bulk_create(User(email=f"crowd{n}@example.org") for n in range(CROWD))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_user, accounts_notification")
    Notification.objects.bulk_create(
        Notification(user=user, key="month", kind="summary", subject="The month") for user in users
    )
    with plans_of_all_statements() as plans:
        letters.queue()
    assert OutgoingEmail.objects.count() == CROWD
    assert_linear(plans)
