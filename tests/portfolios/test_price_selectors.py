"""Reading prices back: the panel against a plain loop, and what counts as stale."""

import math
from datetime import date, timedelta

import numpy as np
import pytest
from pytest_django import DjangoAssertNumQueries

from portfolios.models import Asset, DailyPrice
from portfolios.selectors import prices
from tests.factories import AssetFactory, DailyPriceFactory

pytestmark = pytest.mark.django_db

END = date(2024, 12, 31)


def days_before(n: int) -> date:
    return END - timedelta(days=n)


def price(asset: Asset, *, days_ago: int, close: float = 100.0) -> None:
    DailyPriceFactory(asset=asset, date=days_before(days_ago), close=close)


class TestClosePanel:
    def test_it_equals_a_lookup_of_each_day_of_each_asset(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        random = np.random.default_rng(1)
        for _ in range(4):
            asset = AssetFactory()
            for days_ago in random.choice(30, size=12, replace=False):
                price(asset, days_ago=int(days_ago), close=float(random.lognormal()))
        with django_assert_num_queries(1):
            panel = prices.close_panel(end=END, days=20)

        assert list(panel.index) == [days_before(n) for n in reversed(range(20))]
        stored = {(p.date, p.asset_id): p.close for p in DailyPrice.objects.all()}
        expected = [
            [stored.get((day, pk), math.nan) for pk in panel.columns] for day in panel.index
        ]
        np.testing.assert_array_equal(panel.to_numpy(), expected)

    def test_columns_are_the_assets_with_a_close_in_the_window_in_order(self) -> None:
        first, before, after, last = AssetFactory.create_batch(4)
        price(last, days_ago=9)
        price(first, days_ago=0)
        price(before, days_ago=10)
        price(after, days_ago=-1)
        assert list(prices.close_panel(end=END, days=10).columns) == [first.pk, last.pk]

    def test_cash_never_moves_and_has_no_column(self) -> None:
        price(AssetFactory(kind=Asset.Kind.CASH), days_ago=0)
        assert prices.close_panel(end=END, days=10).shape == (10, 0)

    def test_without_prices_it_has_days_and_no_columns(self) -> None:
        panel = prices.close_panel(end=END, days=3)
        assert panel.shape == (3, 0)
        assert panel.to_numpy().dtype == np.float64


class TestClosesOf:
    def test_the_whole_history_up_to_a_day_in_order(self) -> None:
        asset, other = AssetFactory.create_batch(2)
        for days_ago, close in ((0, 4.0), (3, 1.0), (1, 3.0), (-1, 5.0)):
            price(asset, days_ago=days_ago, close=close)
        price(other, days_ago=2)
        closes = prices.closes_of(coingecko_id=asset.coingecko_id, end=END)
        assert closes.to_dict() == {days_before(3): 1.0, days_before(1): 3.0, END: 4.0}
        assert closes.index.is_monotonic_increasing

    def test_an_unknown_asset_has_none(self) -> None:
        assert prices.closes_of(coingecko_id="no-such-coin", end=END).empty


class TestLatestCloses:
    @pytest.mark.parametrize(
        ("days_ago", "is_stale"), [(0, False), (1, False), (2, True), (400, True)]
    )
    def test_a_close_older_than_36_hours_is_stale(self, days_ago: int, is_stale: bool) -> None:
        asset = AssetFactory()
        price(asset, days_ago=days_ago, close=7.0)
        price(asset, days_ago=days_ago + 1, close=6.0)
        expected = prices.LatestClose(close=7.0, date=days_before(days_ago), is_stale=is_stale)
        assert prices.latest_closes(as_of=END) == {asset.pk: expected}

    def test_later_closes_are_not_known_yet(self) -> None:
        asset, unlisted = AssetFactory.create_batch(2)
        price(asset, days_ago=0, close=7.0)
        price(asset, days_ago=-1, close=8.0)
        price(unlisted, days_ago=-1)
        latest = prices.latest_closes(as_of=END)
        assert latest.keys() == {asset.pk}
        assert latest[asset.pk].close == 7.0

    def test_cash_is_one_dollar_whatever_somebody_stored(self) -> None:
        cash = AssetFactory(coingecko_id="usd", kind=Asset.Kind.CASH)
        price(cash, days_ago=5, close=1.01)
        assert prices.latest_closes(as_of=END) == {cash.pk: prices.LatestClose(1.0, END, False)}

    def test_all_assets_take_one_query(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for asset in AssetFactory.create_batch(5):
            price(asset, days_ago=0)
        with django_assert_num_queries(1):
            assert len(prices.latest_closes(as_of=END)) == 5


class TestLastCompleteDay:
    def test_it_is_the_newest_day_of_any_asset(self) -> None:
        first, second, _unpriced = AssetFactory.create_batch(3)
        price(first, days_ago=7)
        price(second, days_ago=3)
        price(second, days_ago=9)
        assert prices.last_complete_day() == days_before(3)

    def test_without_prices_there_is_none(self) -> None:
        assert prices.last_complete_day() is None
