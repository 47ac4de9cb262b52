"""What a range of portfolios holds and aims for, in a few set-based reads."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from numpy.lib.recfunctions import rename_fields
from numpy.typing import NDArray

from analytics.selectors.market import EARLIER_DAYS
from portfolios.models import PositionRule, binary_copy
from portfolios.models.portfolios import Cadence

CADENCES = ",".join(Cadence)
PORTFOLIOS = f"""
    SELECT id, revision, tolerance_band::float8, wide_band::float8,
           coalesce(relative_band::float8, 'NaN'), fee_rate::float8, coalesce(venue_id, 0),
           (order_type = 'maker')::int, withdraws::int, risk_aversion::float8,
           coalesce(horizon_days, 0)::int, (short_term_tax IS NOT NULL)::int,
           array_position('{{{CADENCES}}}'::text[], cadence::text),
           (money_role = 'dry_powder')::int, coalesce(reserve_amount::float8, 0),
           groups_forms::int
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
RULES = """
    SELECT portfolio_id, coalesce(asset_id, 0), coalesce(category_id, 0),
           coalesce(band::float8, 'NaN'), coalesce(relative_band::float8, 'NaN'), trading::int
    FROM portfolios_positionrule WHERE portfolio_id BETWEEN %(first)s AND %(last)s
"""
ASSETS = """
    SELECT id, category_id, (owner_id IS NOT NULL)::int, (kind IN ('stablecoin', 'cash'))::int,
           coalesce(form_of_id, 0)
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
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class OwnAssets:
    """What the owners of b portfolios price themselves; each has at most k of it.

    Nobody shares one with anybody, so a column is a place in each portfolio and not an asset.
    """

    ids: Ids  # (b, k); 0 where a portfolio has fewer
    closes: Floats  # (1 + 3, b, k) US dollars, at the close and EARLIER_DAYS before; NaN: unknown


@dataclass(frozen=True)
class CostChoices:
    """How b portfolios reckon with the costs of trading, and with what it must bring; all (b,)."""

    fee_rates: Floats  # all that a trade costs, without a venue
    venue_ids: Ids  # 0: none
    as_maker: Flags
    withdraws: Flags
    risk_aversions: Floats
    horizons: NDArray[np.int32]  # days; 0: as the regime has it
    counts_tax: Flags


@dataclass(frozen=True)
class Roles:
    """What b portfolios count, and as what."""

    dry_powder: Flags  # (b,) whose stablecoins and cash are outside the weights
    reserves: Floats  # (b,) US dollars of stablecoins and cash that are left out; zero: none
    groups_forms: Flags  # (b,)
    is_money: Flags  # (b, n + k)
    coins: Ids  # (n,) the column of the coin that each listed asset is a form of; -1: of none


@dataclass(frozen=True)
class Rules:
    """What b portfolios say of single positions and of g categories; NaN: nothing."""

    bands: Floats  # (b, n + k) fractions of the portfolio, in normal markets
    relative_bands: Floats  # (b, n + k) fractions of the target
    never_sold: Flags  # (b, n + k)
    left_alone: Flags  # (b, n + k) what is set aside, too
    set_aside: Flags  # (b, n + k)
    category_bands: Floats  # (b, g)
    category_relative_bands: Floats  # (b, g)


@dataclass(frozen=True)
class CategoryTargets:
    """Targets of g categories as a whole, and categories that only have a band."""

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
    relative_bands: Floats  # (b,) NaN: none
    cadences: NDArray[np.int32]  # (b,) places in portfolios.models.portfolios.Cadence
    costs: CostChoices
    listed_ids: Ids  # (n,) ascending
    own: OwnAssets
    quantities: Floats  # (b, n + k) units of the asset
    target_weights: Floats  # (b, n + k) of the asset itself; zero where there is no target
    category_targets: CategoryTargets
    rules: Rules | None  # None: nobody has any
    roles: Roles | None  # None: with everybody everything counts, as what it is

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


def stand_ins(category_ids: Collection[int], *, as_of: date) -> dict[int, int]:
    """The id of the asset that stands for each of these categories while nothing of it is held."""
    with connection.cursor() as cursor:
        cursor.execute(STAND_INS, {"categories": list(category_ids), "as_of": as_of})
        return dict(cursor.fetchall())


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
        ruled = self._rules(bounds)
        groups_forms = bool(portfolios["groups_forms"].any())
        self._arrange(holdings, targets, stand_ins := self._stand_ins(wanted), groups_forms)
        rules = self._arranged(ruled, wanted) if len(ruled) else None
        return Positions(
            portfolio_ids=self.ids,
            revisions=portfolios["revision"],
            tolerance_bands=portfolios["band"],
            wide_bands=portfolios["wide_band"],
            relative_bands=portfolios["relative_band"],
            cadences=portfolios["cadence"] - 1,
            costs=CostChoices(
                fee_rates=portfolios["fee_rate"],
                venue_ids=portfolios["venue"],
                as_maker=portfolios["as_maker"] == 1,
                withdraws=portfolios["withdraws"] == 1,
                risk_aversions=portfolios["risk_aversion"],
                horizons=portfolios["horizon"],
                counts_tax=portfolios["counts_tax"] == 1,
            ),
            listed_ids=self.listed_ids,
            own=OwnAssets(self.own_ids, self._own_closes()),
            quantities=self._table(holdings),
            target_weights=self._table(targets),
            category_targets=self._category_targets(wanted, stand_ins, ruled),
            rules=rules,
            roles=self._roles(portfolios, rules),
        )

    def _portfolios(self, bounds: Mapping[str, int]) -> NDArray[Any]:
        fractions = dict.fromkeys(("band", "wide_band", "relative_band", "fee_rate"), "f8")
        choices = {"venue": "i8", "as_maker": "i4", "withdraws": "i4", "risk_aversion": "f8"}
        columns = {"id": "i8", "revision": "i4", **fractions, **choices}
        columns |= {"horizon": "i4", "counts_tax": "i4", "cadence": "i4"}
        columns |= {"dry_powder": "i4", "reserve": "f8", "groups_forms": "i4"}
        rows = binary_copy.read(self.cursor, PORTFOLIOS, bounds, **columns)
        return np.sort(rows, order="id")

    def _rules(self, bounds: Mapping[str, int]) -> NDArray[Any]:
        columns = {"portfolio": "i8", "asset": "i8", "category": "i8"}
        columns |= {"band": "f8", "relative_band": "f8", "trading": "i4"}
        rows = binary_copy.read(self.cursor, RULES, bounds, **columns)
        return rows[np.isin(rows["portfolio"], self.ids)]

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
        self,
        holdings: NDArray[Any],
        targets: NDArray[Any],
        stand_ins: NDArray[Any],
        groups_forms: bool,
    ) -> None:
        """Give every asset that occurs a column: listed ones one each, own ones one a place.

        Where somebody groups forms, their coins have one, too.
        """
        named = np.unique(np.concatenate([holdings["of"], targets["of"], stand_ins["asset"]]))
        self.assets = self._catalogued(named)
        coins = self.assets["coin"][self.assets["coin"] > 0] if groups_forms else named[:0]
        if not np.isin(coins, named).all():
            self.assets = self._catalogued(np.union1d(named, coins))
        is_own = self.assets["is_own"] == 1
        self.listed_ids = self.assets["id"][~is_own]
        pairs = np.concatenate([holdings, targets])[["portfolio", "of"]]
        self.own_pairs = np.unique(pairs[np.isin(pairs["of"], self.assets["id"][is_own])])
        rows = np.searchsorted(self.ids, self.own_pairs["portfolio"])
        self.places = np.arange(len(rows)) - np.searchsorted(rows, rows)
        self.own_ids = np.zeros((len(self.ids), self.places.max(initial=-1) + 1), dtype=np.int64)
        self.own_ids[rows, self.places] = self.own_pairs["of"]

    def _catalogued(self, ids: Ids) -> NDArray[Any]:
        columns = {"id": "i8", "category": "i8", "is_own": "i4", "is_money": "i4", "coin": "i8"}
        rows = binary_copy.read(self.cursor, ASSETS, {"assets": ids.tolist()}, **columns)
        return np.sort(rows, order="id")

    def _roles(self, portfolios: NDArray[Any], rules: Rules | None) -> Roles | None:
        dry_powder, groups_forms = portfolios["dry_powder"] == 1, portfolios["groups_forms"] == 1
        reserves = portfolios["reserve"]
        sets_aside = rules is not None and rules.set_aside.any()
        if not (dry_powder.any() or groups_forms.any() or reserves.any() or sets_aside):
            return None
        money_ids = self.assets["id"][self.assets["is_money"] == 1]
        listed = np.broadcast_to(
            np.isin(self.listed_ids, money_ids), (len(self.ids), len(self.listed_ids))
        )
        coin = self.assets["coin"][np.searchsorted(self.assets["id"], self.listed_ids)]
        column = np.searchsorted(self.listed_ids, coin)
        return Roles(
            dry_powder=dry_powder,
            reserves=reserves,
            groups_forms=groups_forms,
            is_money=np.hstack([listed, np.isin(self.own_ids, money_ids)]),
            coins=np.where(np.isin(coin, self.listed_ids), column, -1),
        )

    def _table(self, amounts: NDArray[Any]) -> Floats:
        dense = np.zeros((len(self.ids), len(self.listed_ids) + self.own_ids.shape[1]))
        dense[self._places(amounts)] = amounts["amount"]
        return dense

    def _places(self, pairs: NDArray[Any]) -> tuple[Ids, Ids]:
        """The rows and columns of (portfolio, of), all of which are arranged."""
        rows = np.searchsorted(self.ids, pairs["portfolio"])
        is_listed = np.isin(pairs["of"], self.listed_ids)
        columns = np.searchsorted(self.listed_ids, pairs["of"])
        own = pairs[~is_listed][["portfolio", "of"]]
        place = self.places[np.searchsorted(self.own_pairs, own)]
        columns[~is_listed] = len(self.listed_ids) + place
        return rows, columns

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

    def _category_targets(
        self, wanted: NDArray[Any], stand_ins: NDArray[Any], ruled: NDArray[Any]
    ) -> CategoryTargets:
        category_ids = _judged_categories(wanted, ruled)
        weights = np.zeros((len(self.ids), len(category_ids)))
        rows = np.searchsorted(self.ids, wanted["portfolio"])
        weights[rows, np.searchsorted(category_ids, wanted["of"])] = wanted["amount"]
        substitutes = np.full(len(category_ids), -1)
        taken = np.searchsorted(category_ids, stand_ins["category"])
        substitutes[taken] = np.searchsorted(self.listed_ids, stand_ins["asset"])
        return CategoryTargets(category_ids, weights, self._columns(category_ids), substitutes)

    def _arranged(self, ruled: NDArray[Any], wanted: NDArray[Any]) -> Rules:
        shape = len(self.ids), len(self.listed_ids) + self.own_ids.shape[1]
        category_ids = _judged_categories(wanted, ruled)
        bands, relative = np.full(shape, np.nan), np.full(shape, np.nan)
        trading = np.zeros(shape, dtype=np.int64)
        of_assets = self._of_positions(ruled)
        places = self._places(of_assets)
        bands[places] = of_assets["band"]
        relative[places] = of_assets["relative_band"]
        trading[places] = of_assets["trading"]
        whole = np.full((2, len(self.ids), len(category_ids)), np.nan)
        of_categories = ruled[ruled["category"] > 0]
        rows = np.searchsorted(self.ids, of_categories["portfolio"])
        columns = np.searchsorted(category_ids, of_categories["category"])
        whole[0, rows, columns] = of_categories["band"]
        whole[1, rows, columns] = of_categories["relative_band"]
        return Rules(
            bands=bands,
            relative_bands=relative,
            never_sold=trading == PositionRule.Trading.NEVER_SOLD,
            left_alone=trading >= PositionRule.Trading.LEFT_ALONE,
            set_aside=trading == PositionRule.Trading.SET_ASIDE,
            category_bands=whole[0],
            category_relative_bands=whole[1],
        )

    def _of_positions(self, ruled: NDArray[Any]) -> NDArray[Any]:
        """The rules of assets that the portfolio still holds or aims for."""
        of_assets = rename_fields(ruled[ruled["asset"] > 0], {"asset": "of"})
        listed = np.isin(of_assets["of"], self.listed_ids)
        pairs = of_assets[["portfolio", "of"]].astype(self.own_pairs.dtype)
        return of_assets[listed | np.isin(pairs, self.own_pairs)]

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


def _judged_categories(wanted: NDArray[Any], ruled: NDArray[Any]) -> Ids:
    """The ids, ascending, of categories that have a target or a band as a whole."""
    return np.unique(np.concatenate([wanted["of"], ruled["category"][ruled["category"] > 0]]))
