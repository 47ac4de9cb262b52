"""What a range of portfolios holds and aims for, in a few set-based reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from numpy.typing import NDArray

from analytics.selectors.market import EARLIER_DAYS
from portfolios.models import binary_copy

PORTFOLIOS = """
    SELECT id, revision, tolerance_band::float8, wide_band::float8, fee_rate::float8
    FROM portfolios_portfolio
    WHERE id BETWEEN %(first)s AND %(last)s AND archived_at IS NULL AND deleted_at IS NULL
"""
HOLDINGS = """
    SELECT portfolio_id, asset_id, quantity::float8
    FROM portfolios_holding WHERE portfolio_id BETWEEN %(first)s AND %(last)s
"""
TARGETS = """
    SELECT portfolio_id, asset_id, weight::float8 FROM portfolios_targetweight
    WHERE portfolio_id BETWEEN %(first)s AND %(last)s AND asset_id IS NOT NULL
"""
CATEGORY_TARGETS = """
    SELECT portfolio_id, category_id, weight::float8 FROM portfolios_targetweight
    WHERE portfolio_id BETWEEN %(first)s AND %(last)s AND category_id IS NOT NULL
"""
ASSETS = """
    SELECT id, category_id, (owner_id IS NOT NULL)::int
    FROM portfolios_asset WHERE id = ANY(%(assets)s)
"""
# The leading asset of each category: the largest that is active and has a price.
STAND_INS = """
    SELECT DISTINCT ON (category_id) category_id, id
    FROM portfolios_asset AS asset
    WHERE owner_id IS NULL AND category_id = ANY(%(categories)s)
    ORDER BY category_id, is_active DESC, coingecko_id = 'usd' OR EXISTS (
        SELECT FROM portfolios_dailyprice WHERE asset_id = asset.id AND date <= %(as_of)s
    ) DESC, cap_rank, symbol, id
"""
OWN_CLOSES = """
    SELECT asset.id, (day.number - 1)::int, own.price
    FROM unnest(%(assets)s::bigint[]) AS asset (id)
    CROSS JOIN unnest(%(days)s::date[]) WITH ORDINALITY AS day (date, number)
    CROSS JOIN LATERAL (
        SELECT price FROM portfolios_ownprice
        WHERE asset_id = asset.id AND date <= day.date ORDER BY date DESC LIMIT 1
    ) AS own
"""

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OwnAssets:
    """What the owners of b portfolios price themselves; each has at most k of it.

    Nobody shares one with anybody, so a column is a place in each portfolio and not an asset.
    """

    ids: Ids  # (b, k); 0 where a portfolio has fewer
    closes: Floats  # (1 + 3, b, k) US dollars, at the close and EARLIER_DAYS before; NaN: unknown


@dataclass(frozen=True)
class CategoryTargets:
    """Targets of g categories as a whole."""

    category_ids: Ids  # (g,) ascending
    weights: Floats  # (b, g) fractions, zero where there is no target
    columns: Ids  # (b, n + k) which of the g each position belongs to; -1: none
    stand_ins: Ids  # (g,) the position that takes the target when nothing is held; -1: none


@dataclass(frozen=True)
class Positions:
    """b portfolios over the n listed assets that any of them holds or aims for, and k own ones."""

    portfolio_ids: Ids  # (b,)
    revisions: NDArray[np.int32]  # (b,)
    tolerance_bands: Floats  # (b,)
    wide_bands: Floats  # (b,)
    fee_rates: Floats  # (b,)
    listed_ids: Ids  # (n,) ascending
    own: OwnAssets
    quantities: Floats  # (b, n + k) units of the asset
    target_weights: Floats  # (b, n + k) of the asset itself; zero where there is no target
    category_targets: CategoryTargets

    @cached_property
    def asset_ids(self) -> Ids:
        """(b, n + k), zero where a portfolio has fewer own assets than others."""
        listed = np.broadcast_to(self.listed_ids, (len(self.portfolio_ids), len(self.listed_ids)))
        return np.hstack([listed, self.own.ids]) if self.own.ids.shape[1] else listed


def read(*, first_id: int, last_id: int, as_of: date) -> Positions:
    """Portfolios in use with ids in [first_id, last_id], all as of one moment.

    Own prices are those of the close of `as_of`: a change of one counts the revision up, so
    they are read in the same moment.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if not connection.savepoint_ids:  # inside another transaction its snapshot rules
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return _Reader(cursor, as_of).read({"first": first_id, "last": last_id})


class _Reader:
    """The rows of a range of portfolios, arranged as arrays."""

    def __init__(self, cursor: CursorWrapper, as_of: date) -> None:
        self.cursor, self.as_of = cursor, as_of

    def read(self, bounds: Mapping[str, int]) -> Positions:
        portfolios = self._portfolios(bounds)
        self.ids = portfolios["id"]
        holdings = self._amounts(HOLDINGS, bounds)
        targets = self._amounts(TARGETS, bounds)
        wanted = self._amounts(CATEGORY_TARGETS, bounds)
        self._arrange(holdings, targets, stand_ins := self._stand_ins(wanted))
        return Positions(
            portfolio_ids=self.ids,
            revisions=portfolios["revision"],
            tolerance_bands=portfolios["band"],
            wide_bands=portfolios["wide_band"],
            fee_rates=portfolios["fee_rate"],
            listed_ids=self.listed_ids,
            own=OwnAssets(self.own_ids, self._own_closes()),
            quantities=self._table(holdings),
            target_weights=self._table(targets),
            category_targets=self._category_targets(wanted, stand_ins),
        )

    def _portfolios(self, bounds: Mapping[str, int]) -> NDArray[Any]:
        columns = {"id": "i8", "revision": "i4", "band": "f8", "wide_band": "f8", "fee_rate": "f8"}
        rows = binary_copy.read(self.cursor, PORTFOLIOS, bounds, **columns)
        return np.sort(rows, order="id")

    def _amounts(self, query: str, bounds: Mapping[str, int]) -> NDArray[Any]:
        """Rows (portfolio, of, amount); what is archived or deleted keeps its rows."""
        columns = {"portfolio": "i8", "of": "i8", "amount": "f8"}
        rows = binary_copy.read(self.cursor, query, bounds, **columns)
        return rows[np.isin(rows["portfolio"], self.ids)]

    def _stand_ins(self, wanted: NDArray[Any]) -> NDArray[Any]:
        """Rows (category, asset), ascending."""
        if not len(wanted):
            return np.empty(0, dtype=[("category", "i8"), ("asset", "i8")])
        asked = {"categories": np.unique(wanted["of"]).tolist(), "as_of": self.as_of}
        rows = binary_copy.read(self.cursor, STAND_INS, asked, category="i8", asset="i8")
        return np.sort(rows, order="category")

    def _arrange(
        self, holdings: NDArray[Any], targets: NDArray[Any], stand_ins: NDArray[Any]
    ) -> None:
        """Give every asset that occurs a column: listed ones one each, own ones one a place."""
        named = np.unique(np.concatenate([holdings["of"], targets["of"], stand_ins["asset"]]))
        columns = {"id": "i8", "category": "i8", "is_own": "i4"}
        asked = {"assets": named.tolist()}
        self.assets = np.sort(binary_copy.read(self.cursor, ASSETS, asked, **columns), order="id")
        is_own = self.assets["is_own"] == 1
        self.listed_ids = self.assets["id"][~is_own]
        pairs = np.concatenate([holdings, targets])[["portfolio", "of"]]
        self.own_pairs = np.unique(pairs[np.isin(pairs["of"], self.assets["id"][is_own])])
        rows = np.searchsorted(self.ids, self.own_pairs["portfolio"])
        self.places = np.arange(len(rows)) - np.searchsorted(rows, rows)
        self.own_ids = np.zeros((len(self.ids), self.places.max(initial=-1) + 1), dtype=np.int64)
        self.own_ids[rows, self.places] = self.own_pairs["of"]

    def _table(self, amounts: NDArray[Any]) -> Floats:
        dense = np.zeros((len(self.ids), len(self.listed_ids) + self.own_ids.shape[1]))
        rows = np.searchsorted(self.ids, amounts["portfolio"])
        is_listed = np.isin(amounts["of"], self.listed_ids)
        columns = np.searchsorted(self.listed_ids, amounts["of"])
        own = amounts[~is_listed][["portfolio", "of"]]
        place = self.places[np.searchsorted(self.own_pairs, own)]
        columns[~is_listed] = len(self.listed_ids) + place
        dense[rows, columns] = amounts["amount"]
        return dense

    def _own_closes(self) -> Floats:
        days = [self.as_of, *(self.as_of - timedelta(days=days) for days in EARLIER_DAYS)]
        closes = np.full((len(days), *self.own_ids.shape), np.nan)
        if not len(self.own_pairs):
            return closes
        ids = np.unique(self.own_pairs["of"])
        asked = {"assets": ids.tolist(), "days": days}
        columns = {"asset": "i8", "day": "i4", "price": "f8"}
        known = binary_copy.read(self.cursor, OWN_CLOSES, asked, **columns)
        by_asset = np.full((len(days), len(ids)), np.nan)
        by_asset[known["day"], np.searchsorted(ids, known["asset"])] = known["price"]
        rows = np.searchsorted(self.ids, self.own_pairs["portfolio"])
        closes[:, rows, self.places] = by_asset[:, np.searchsorted(ids, self.own_pairs["of"])]
        return closes

    def _category_targets(self, wanted: NDArray[Any], stand_ins: NDArray[Any]) -> CategoryTargets:
        category_ids = np.unique(wanted["of"])
        weights = np.zeros((len(self.ids), len(category_ids)))
        rows = np.searchsorted(self.ids, wanted["portfolio"])
        weights[rows, np.searchsorted(category_ids, wanted["of"])] = wanted["amount"]
        substitutes = np.full(len(category_ids), -1)
        taken = np.searchsorted(category_ids, stand_ins["category"])
        substitutes[taken] = np.searchsorted(self.listed_ids, stand_ins["asset"])
        return CategoryTargets(category_ids, weights, self._columns(category_ids), substitutes)

    def _columns(self, category_ids: Ids) -> Ids:
        """(b, n + k) where each position's category is among these; -1: nowhere."""
        if not len(category_ids):
            return np.empty((len(self.ids), 0), dtype=np.int64)
        place = np.searchsorted(category_ids, self.assets["category"])
        place[~np.isin(self.assets["category"], category_ids)] = -1
        known = np.concatenate([[0], self.assets["id"]])  # 0 is nobody's asset
        place = np.concatenate([[-1], place])
        listed = place[np.searchsorted(known, self.listed_ids)]
        own = place[np.searchsorted(known, self.own_ids)]
        return np.hstack([np.broadcast_to(listed, (len(self.ids), len(listed))), own])
