"""The article's questions beside what somebody's own portfolio has of each."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.selectors import portfolio_pages
from analytics.services import nights
from portfolios.templatetags.figures import percent


@pytest.mark.django_db(transaction=True)
def test_somebody_reads_what_their_own_portfolio_has_of_each(hold, as_of):
    portfolio = hold({"BTC": 6, "SOL": 3}, {"BTC": "0.5", "SOL": "0.5"}, name="Mine")
    nights.run_to_end(as_of=as_of)
    client = Client()
    client.force_login(portfolio.owner)
    with CaptureQueriesContext(connection) as captured:
        page = client.get(reverse("analytics:questions"), {"portfolio": portfolio.pk}).text
    assert len(captured) <= 24
    told = " ".join(page.split())
    reading = portfolio_pages.read(portfolio, run=portfolio_pages.current_run())
    bitcoin = next(p for p in reading.positions if p.asset.symbol == "BTC")
    share = f"{percent(bitcoin.share_of_risk)} % of the risk"
    assert f"66.7 % of the money and {share}." in told
    assert "Mine</a>: 2 positions." in told
    assert "Mine</a>: Not found. Nothing was bought within the last year." in told
    stranger = Client()
    stranger.force_login(hold({}, {}).owner)
    assert (
        stranger.get(reverse("analytics:questions"), {"portfolio": portfolio.pk}).status_code == 404
    )
    assert "Mine" not in stranger.get(reverse("analytics:questions")).text
