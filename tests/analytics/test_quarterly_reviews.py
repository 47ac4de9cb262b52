"""The quarterly review: begun with figures, answered, kept as it was, beside the last one."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Kind, Notification
from accounts.services import exports as account_exports
from accounts.services import webhook_deliveries, webhooks
from analytics.models import QuarterlyReview
from analytics.selectors import portfolio_pages
from analytics.selectors import quarterly_reviews as selector
from analytics.services import exports, nights
from analytics.services import quarterly_reviews as services
from tests.factories import HoldingFactory, guest

NOW = datetime(2024, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def measured(hold, as_of):
    portfolio = hold({"BTC": 6, "SOL": 3}, {"BTC": "0.5", "SOL": "0.5"})
    nights.run_to_end(as_of=as_of)
    portfolio.refresh_from_db()
    return portfolio


def begin(portfolio) -> QuarterlyReview:
    reading = portfolio_pages.read(portfolio, run=portfolio_pages.current_run())
    return services.begin(portfolio=portfolio, reading=reading)


def complete(review, note="") -> None:
    for key in selector.KEYS:
        services.answer(review=review, question=key, changes=key == "risk", note=note)
    assert services.finish(review=review, now=NOW)
    review.refresh_from_db()


@pytest.mark.django_db(transaction=True)
def test_every_question_is_answered_with_the_night_s_figures(measured, as_of):
    review = begin(measured)
    assert begin(measured) == review  # one at a time
    assert review.as_of == as_of
    values = {line["key"]: line["value"] for each in review.figures.values() for line in each}
    reading = portfolio_pages.read(measured, run=portfolio_pages.current_run())
    for position in reading.positions:
        assert values[f"risk-{position.asset.pk}"] == pytest.approx(position.share_of_risk)
    assert values["stables"] == 0
    assert values["regime"] == "unknown"
    pair = next(line for line in review.figures["redundant"] if line["key"].startswith("pair"))
    assert values["average"] == pytest.approx(pair["value"])  # two assets are one pair
    assert set(review.figures) == set(selector.KEYS)


@pytest.mark.django_db(transaction=True)
def test_a_review_is_finished_when_every_question_is_and_stays_as_it_was(measured):
    review = begin(measured)
    assert services.answer(review=review, question="risk", changes=True, note="Less Bitcoin")
    assert not services.finish(review=review, now=NOW)
    complete(review, "First")
    assert not services.answer(review=review, question="risk", changes=False, note="Rewritten")
    review.refresh_from_db()
    assert review.conclusions["risk"] == {"changes": True, "note": "First"}


@pytest.mark.django_db(transaction=True)
def test_the_next_review_stands_beside_the_last_line_by_line(measured):
    first = begin(measured)
    first.figures["stablecoins"][0]["value"] = 0.123
    first.figures["redundant"].append(
        {"key": "pair-1-2", "label": "Gone with it", "kind": "ratio", "value": 0.91}
    )
    first.save()
    complete(first, "Before")
    second = begin(measured)
    assert second != first
    answers = selector.answers(second, before=selector.previous(second))
    lines = {line.label: line for each in answers for line in each.lines}
    assert (lines["Stablecoins and cash"].now, lines["Stablecoins and cash"].before) == (0, 0.123)
    assert (lines["Gone with it"].now, lines["Gone with it"].before) == (None, 0.91)
    assert {each.note_before for each in answers} == {"Before"}
    complete(second)
    assert selector.previous(first) is None
    client = Client()
    client.force_login(measured.owner)
    address = reverse("analytics:quarterly-review", args=[measured.pk, second.pk])
    with CaptureQueriesContext(connection) as captured:
        page = client.get(address).text
    assert "12.3" in page
    assert "Last time: Before" in page
    assert len(captured) <= 10


@pytest.mark.django_db
def test_without_figures_no_review_is_begun_and_the_page_says_why():
    portfolio = HoldingFactory().portfolio
    client = Client()
    client.force_login(portfolio.owner)
    address = reverse("analytics:quarterly-reviews", args=[portfolio.pk])
    page = client.post(address, follow=True)
    assert "A review needs figures." in page.text
    assert not QuarterlyReview.objects.exists()


@pytest.mark.django_db
def test_owners_are_told_once_when_a_quarter_has_passed_since_the_last_review():
    portfolio = HoldingFactory().portfolio
    HoldingFactory(portfolio__owner=guest())
    begun = portfolio.created_at.date()
    assert services.remind(today=begun + selector.EVERY - timedelta(days=1)) == 0
    due = begun + selector.EVERY
    with CaptureQueriesContext(connection) as captured:
        assert (services.remind(today=due), services.remind(today=due)) == (1, 0)
    assert len(captured) == 2
    told = Notification.objects.get()
    assert told.user == portfolio.owner
    assert told.link == reverse("analytics:quarterly-reviews", args=[portfolio.pk])
    assert told.subject == f"A review of {portfolio.name} is due"
    assert told.is_for_mail
    review = QuarterlyReview.objects.create(portfolio=portfolio, as_of=date(2024, 6, 30))
    QuarterlyReview.objects.update(finished_at=portfolio.created_at + selector.EVERY)
    assert services.remind(today=due + timedelta(days=1)) == 0
    assert services.remind(today=due + selector.EVERY) == 1
    assert Notification.objects.count() == 2
    assert review.portfolio == portfolio


@pytest.mark.django_db
def test_webhooks_are_told_that_a_review_is_due():
    portfolio = HoldingFactory().portfolio
    hook, _ = webhooks.create(
        user=portfolio.owner, url="https://example.org/", kinds=[Kind.REVIEW.value]
    )
    services.remind(today=portfolio.created_at.date() + selector.EVERY)
    assert webhook_deliveries.queue() == 1
    assert hook.deliveries.get().notification.user == portfolio.owner


@pytest.mark.django_db
def test_nobody_is_reminded_of_what_is_put_away_or_empty_and_the_muted_get_no_letter():
    HoldingFactory(portfolio__archived_at=NOW)
    HoldingFactory(portfolio__deleted_at=NOW)
    HoldingFactory(quantity=0)
    HoldingFactory(portfolio__owner__muted_kinds=["review"], portfolio__name="a\n b" + "c" * 70)
    later = datetime.now(UTC).date() + selector.EVERY
    assert services.remind(today=later) == 1
    told = Notification.objects.get()
    assert not told.is_for_mail
    assert told.subject.startswith("A review of a bccc")


@pytest.mark.django_db(transaction=True)
def test_the_account_export_has_every_review(measured):
    complete(begin(measured), "Kept for me")
    told = {table.name: table for table in exports.tables(measured.owner)}["quarterly_reviews"]
    row = dict(zip(told.columns, told.rows[0], strict=True))
    assert row["conclusions"]["risk"] == {"changes": True, "note": "Kept for me"}
    assert row["figures"].keys() == set(selector.KEYS)
    assert '""note"": ""Kept for me""' in account_exports.as_csv(told)  # JSON, not Python
