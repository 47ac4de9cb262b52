"""What a portfolio earned: by hand, beside scipy, and whatever is paid in."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from scipy.optimize import brentq

from analytics.selectors import performance
from portfolios.models import Asset, Portfolio, ReferenceRate, Transaction
from portfolios.selectors import flows, ledger
from portfolios.services import holdings, transactions
from tests.factories import AssetFactory, DailyPriceFactory, PortfolioFactory, own_asset
from tests.portfolios.test_ledger import entry

pytestmark = pytest.mark.django_db

Kind = Transaction.Kind
FIRST = date(2024, 1, 1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLOSES = [100.0, 110.0, 99.0, 120.0, 150.0]


def at(number: int) -> datetime:
    return datetime.combine(FIRST + timedelta(days=number), time(12), tzinfo=UTC)


def priced(symbol: str, closes: list[float], *, key: str | None = None) -> Asset:
    asset = AssetFactory(symbol=symbol, **({"coingecko_id": key} if key else {}))
    for number, close in enumerate(closes):
        DailyPriceFactory(asset=asset, date=FIRST + timedelta(days=number), close=close)
    return asset


def record(portfolio: Portfolio, *lines: Transaction) -> None:
    transactions.add_many(portfolio=portfolio, entries=lines, now=NOW)
    portfolio.refresh_from_db()


def measure(portfolio: Portfolio, days: int = len(CLOSES)) -> performance.Period:
    found = performance.read(portfolio, as_of=FIRST + timedelta(days=days - 1))
    assert found is not None
    return found.periods[-1]


@pytest.fixture(autouse=True)
def _fresh_cache():
    cache.clear()


@pytest.fixture
def btc() -> Asset:
    return priced("BTC", CLOSES, key="bitcoin")


@pytest.fixture
def usd() -> Asset:
    return AssetFactory(coingecko_id="usd", symbol="USD", kind=Asset.Kind.CASH)


@pytest.fixture
def portfolio() -> Portfolio:
    return PortfolioFactory()


def test_gains_stand_apart_from_what_was_put_in(portfolio, btc, usd):
    record(
        portfolio,
        entry(Kind.BUY, at(0), received=("2", btc), sent=("200", usd)),
        entry(Kind.BUY, at(2), received=("1", btc), sent=("99", usd)),
        entry(Kind.SELL, at(3), sent=("1", btc), received=("120", usd)),
        entry(Kind.INCOME, at(4), received=("0.1", btc)),
    )
    found = measure(portfolio)
    assert found.values.tolist() == pytest.approx([200, 220, 297, 240, 315])
    put_in = 200 + 99 - 120
    assert (found.contributions, found.gain) == pytest.approx((put_in, 315 - put_in))
    growth = [1, 1.1, 0.99, 1.2, 1.2 * 315 / 240]
    assert found.growth["This portfolio"].tolist() == pytest.approx(growth)
    assert found.max_drawdown == pytest.approx(0.99 / 1.1 - 1)
    assert found.others == pytest.approx({"Bitcoin": 0.5, "Equal weight": 0.5, "Held still": 0.5})


def test_a_fee_in_money_and_a_bad_price_are_losses(portfolio, btc, usd):
    record(
        portfolio,
        entry(Kind.DEPOSIT, at(0), received=("1", btc)),
        entry(Kind.BUY, at(1), received=("1", btc), sent=("120", usd), fee=("2", usd)),
    )
    found = measure(portfolio, days=2)
    assert found.contributions == pytest.approx(100 + 122)
    assert found.gain == pytest.approx(220 - 100 - 122)


def test_in_a_portfolio_that_follows_its_cash_only_deposits_are_put_in(btc, usd):
    portfolio = PortfolioFactory(follows_cash=True)
    record(
        portfolio,
        entry(Kind.DEPOSIT, at(0), received=("300", usd)),
        entry(Kind.BUY, at(1), received=("2", btc), sent=("220", usd), fee=("10", usd)),
    )
    found = measure(portfolio)
    assert found.values.tolist() == pytest.approx([300, 290, 268, 310, 370])
    assert found.contributions == 300


def test_a_balance_entered_is_put_in_at_the_close_of_its_day(portfolio, btc):
    record(portfolio, entry(Kind.BALANCE, at(0), received=("1", btc)))
    record(portfolio, entry(Kind.BALANCE, at(3), received=("3", btc)))
    found = measure(portfolio)
    assert found.contributions == pytest.approx(100 + 360)
    assert found.time_weighted == pytest.approx(0.5)


def test_money_in_euros_counts_at_the_rate_of_its_day(portfolio, btc):
    euro = AssetFactory(coingecko_id="eur", symbol="EUR", kind=Asset.Kind.CASH)
    ReferenceRate.objects.create(asset=euro, date=FIRST, rate=Decimal("1.25"))
    record(
        portfolio,
        entry(Kind.BUY, at(0), received=("1", btc), sent=("80", euro)),
        entry(Kind.BUY, at(2), received=("1", btc), sent=("80", euro)),
    )
    assert measure(portfolio).contributions == pytest.approx(200)


def test_it_begins_where_everything_that_is_held_has_a_price(portfolio, btc):
    young = AssetFactory(symbol="YOUNG")
    for number in (2, 3, 4):
        DailyPriceFactory(asset=young, date=FIRST + timedelta(days=number), close=10.0)
    never = AssetFactory(symbol="NEVER")
    record(
        portfolio,
        *(entry(Kind.BALANCE, at(0), received=("1", each)) for each in (btc, young, never)),
    )
    found = performance.read(portfolio, as_of=FIRST + timedelta(days=4))
    assert found is not None
    assert (found.begins, found.is_late) == (FIRST + timedelta(days=2), True)
    assert [asset.symbol for asset in found.unpriced] == ["NEVER"]
    assert found.periods[-1].values.tolist() == pytest.approx([109, 130, 160])


def test_own_assets_and_closes_of_yesterday_count(portfolio, btc):
    painting = own_asset(owner=portfolio.owner, prices={FIRST - timedelta(days=400): 50.0})
    record(
        portfolio,
        entry(Kind.BALANCE, at(0), received=("1", btc)),
        entry(Kind.BALANCE, at(0), received=("2", painting)),
    )
    assert measure(portfolio, days=7).values.tolist() == pytest.approx(
        [200, 210, 199, 220, 250, 250, 250]
    )


def test_without_two_closes_there_is_nothing_to_say(portfolio, btc):
    assert performance.read(portfolio, as_of=FIRST) is None
    record(portfolio, entry(Kind.BUY, at(0), received=("1", btc)))
    assert performance.read(portfolio, as_of=FIRST) is None
    holdings.save(portfolio=portfolio, asset=btc, quantity=Decimal(2))  # later than every close
    portfolio.refresh_from_db()
    assert measure(portfolio).values[-1] == pytest.approx(150)


def test_the_money_weighted_return_is_what_brentq_finds(portfolio, btc, usd):
    record(
        portfolio,
        entry(Kind.BUY, at(0), received=("2", btc), sent=("200", usd)),
        entry(Kind.BUY, at(1), received=("5", btc), sent=("550", usd)),
        entry(Kind.SELL, at(3), sent=("3", btc), received=("360", usd)),
    )
    payments = [(0, 200.0), (1, 550.0), (3, -360.0)]

    def left(rate: float) -> float:
        grown = sum(paid * (1 + rate) ** (4 - day) for day, paid in payments)
        return grown - 4 * 150.0

    assert measure(portfolio).money_weighted == pytest.approx((1 + brentq(left, -0.9, 9)) ** 4 - 1)


def test_risk_comes_with_its_error_from_60_days_on(portfolio):
    closes = (100 * np.cumprod(1 + np.random.default_rng(1).normal(0, 0.02, 400))).tolist()
    coin = priced("COIN", closes)
    record(portfolio, entry(Kind.BALANCE, at(0), received=("1", coin)))
    found = performance.read(portfolio, as_of=FIRST + timedelta(days=399))
    assert found is not None
    by_key = {period.key: period for period in found.periods}
    assert list(by_key) == ["1m", "3m", "1y", "all"]
    assert (by_key["1m"].volatility, by_key["1m"].sharpe) == (None, None)
    year = by_key["1y"]
    assert year.volatility == pytest.approx(0.02 * 365**0.5, rel=0.15)
    # A normal σ over n days errs by about σ / √(2 n), a Sharpe ratio by about √(365 / n).
    assert year.volatility_error == pytest.approx(year.volatility / (2 * 365) ** 0.5, rel=0.25)
    assert year.sharpe.standard_error == pytest.approx(1.0, rel=0.25)


def test_the_page_asks_no_more_of_a_long_history_and_nothing_the_second_time(
    portfolio, btc, django_assert_max_num_queries
):
    lines = [
        Transaction(portfolio=portfolio, kind=Kind.INCOME, at=at(0) + timedelta(seconds=n),
                    received_asset=btc, received_quantity=Decimal("0.001"))
        for n in range(3000)
    ]  # fmt: skip
    record(portfolio, *lines)
    with django_assert_max_num_queries(7):
        performance.read(portfolio, as_of=FIRST + timedelta(days=4))
    with django_assert_max_num_queries(0):
        performance.read(portfolio, as_of=FIRST + timedelta(days=4))


def test_before_any_night_and_for_an_empty_portfolio_the_page_says_so(portfolio):
    client = Client()
    client.force_login(portfolio.owner)
    page = client.get(reverse("analytics:performance", args=[portfolio.pk])).content.decode()
    assert "No history yet" in page


# --- Whatever happens -----------------------------------------------------------------------------

quantities = st.decimals(min_value="0.001", max_value=100, places=3)


class Histories(TestCase):
    @example_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.tuples(st.integers(0, 4), quantities, st.booleans()), max_size=8))
    def test_holdings_are_the_ledger_s_sum_at_every_date(self, moves):
        portfolio, coin = PortfolioFactory(), priced("COIN", CLOSES)
        lines, balance = [], {}
        held = Decimal(0)
        for number, quantity, is_sale in sorted(moves, key=lambda move: move[0]):
            if is_sale and quantity <= held:
                lines.append(entry(Kind.WITHDRAWAL, at(number), sent=(str(quantity), coin)))
                held -= quantity
            else:
                lines.append(entry(Kind.DEPOSIT, at(number), received=(str(quantity), coin)))
                held += quantity
            balance[number] = held
        transactions.add_many(portfolio=portfolio, entries=lines, now=NOW)
        assert ledger.differences() == []
        changes = flows.read(portfolio).changes
        for number in range(5):
            day = FIRST + timedelta(days=number)
            expected = next((balance[n] for n in range(number, -1, -1) if n in balance), 0)
            before = at(number) + timedelta(hours=12)
            assert ledger.held(portfolio_id=portfolio.pk, before=before).get(coin.pk, 0) == expected
            assert sum(q for (when, _), q in changes.items() if when <= day) == expected
        assert sum(portfolio.holdings.values_list("quantity", flat=True)) == held

    @example_settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.tuples(st.integers(1, 3), quantities), max_size=6))
    def test_the_time_weighted_return_does_not_depend_on_what_is_paid_in(self, deposits):
        """Of the same mix of assets; money-weighted it does."""
        coin, other = priced("COIN", CLOSES), priced("OTHER", CLOSES[::-1])
        still, moved = PortfolioFactory(), PortfolioFactory()
        for portfolio in (still, moved):
            for asset in (coin, other):
                line = entry(Kind.DEPOSIT, at(0), received=("1", asset))
                transactions.add(portfolio=portfolio, entry=line, now=NOW)
        lines = [
            entry(Kind.DEPOSIT, at(number), received=(str(quantity), asset))
            for number, quantity in deposits
            for asset in (coin, other)
        ]
        transactions.add_many(portfolio=moved, entries=lines, now=NOW)
        moved.refresh_from_db()
        one, two = measure(still), measure(moved)
        np.testing.assert_allclose(
            one.growth["This portfolio"], two.growth["This portfolio"], rtol=1e-12
        )
        assert two.gain == pytest.approx(two.values[-1] - two.contributions)
