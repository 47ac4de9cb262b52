"""What a range of portfolios holds and aims for, in one set-based read."""

from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

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
    SELECT portfolio_id, asset_id, weight::float8
    FROM portfolios_targetweight WHERE portfolio_id BETWEEN %(first)s AND %(last)s
"""


@dataclass(frozen=True)
class Positions:
    """b portfolios over the n assets that any of them holds or aims for."""

    portfolio_ids: NDArray[np.int64]  # (b,)
    revisions: NDArray[np.int32]  # (b,)
    tolerance_bands: NDArray[np.float64]  # (b,)
    wide_bands: NDArray[np.float64]  # (b,)
    fee_rates: NDArray[np.float64]  # (b,)
    asset_ids: NDArray[np.int64]  # (n,) ascending
    quantities: NDArray[np.float64]  # (b, n) units of the asset
    target_weights: NDArray[np.float64]  # (b, n) fractions, zero where there is no target


def read(*, first_id: int, last_id: int) -> Positions:
    """Portfolios in use with ids in [first_id, last_id], all as of one moment."""
    bounds = {"first": first_id, "last": last_id}
    amount = {"portfolio_id": "i8", "asset_id": "i8", "amount": "f8"}
    with transaction.atomic(), connection.cursor() as cursor:
        if not connection.savepoint_ids:  # inside another transaction its snapshot rules
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        portfolios = binary_copy.read(
            cursor,
            PORTFOLIOS,
            bounds,
            id="i8",
            revision="i4",
            band="f8",
            wide_band="f8",
            fee_rate="f8",
        )
        holdings = binary_copy.read(cursor, HOLDINGS, bounds, **amount)
        targets = binary_copy.read(cursor, TARGETS, bounds, **amount)

    portfolios = np.sort(portfolios, order="id")
    ids = portfolios["id"]
    # What is archived or deleted keeps its rows.
    holdings = holdings[np.isin(holdings["portfolio_id"], ids)]
    targets = targets[np.isin(targets["portfolio_id"], ids)]
    asset_ids = np.unique(np.concatenate([holdings["asset_id"], targets["asset_id"]]))

    def table(amounts: NDArray[np.void]) -> NDArray[np.float64]:
        dense = np.zeros((len(ids), len(asset_ids)))
        rows = np.searchsorted(ids, amounts["portfolio_id"])
        columns = np.searchsorted(asset_ids, amounts["asset_id"])
        dense[rows, columns] = amounts["amount"]
        return dense

    return Positions(
        portfolio_ids=ids,
        revisions=portfolios["revision"],
        tolerance_bands=portfolios["band"],
        wide_bands=portfolios["wide_band"],
        fee_rates=portfolios["fee_rate"],
        asset_ids=asset_ids,
        quantities=table(holdings),
        target_weights=table(targets),
    )
