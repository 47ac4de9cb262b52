"""Amounts of a token into another and back, a table at a time, whoever owns them.

One statement for however many rows: PostgreSQL's numeric is exact, and `div` truncates towards
zero, which is how quantities are rounded to the smallest unit.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.models import Model

from portfolios.models import (
    Holding,
    MigratedAmount,
    ModelPortfolioLine,
    StrategicWeight,
    TargetWeight,
    TokenMigration,
)
from portfolios.services.quantities import DECIMALS, SMALLEST, TOO_LARGE

Kind = MigratedAmount.Kind

# Where the owner has the new token already, the old row joins that one; where nothing is left of
# an amount, the row goes; else it becomes a row of the new token. What goes is remembered whole.
MOVE = """
    WITH moving AS MATERIALIZED (
        SELECT
            old_row.id, old_row.{owner} AS owner_id, old_row.{amount} AS old_amount,
            {added} AS new_amount, new_row.id AS joined_id,
            {added} + COALESCE(new_row.{amount}, 0) AS total, to_jsonb(old_row) AS whole
        FROM {table} AS old_row
        LEFT JOIN {table} AS new_row
            ON new_row.{owner} = old_row.{owner} AND new_row.asset_id = %(new)s
        WHERE old_row.asset_id = %(old)s AND old_row.{owner} = ANY(%(owners)s::bigint[])
    ), moved AS (
        SELECT *, joined_id IS NOT NULL OR total = 0 AS goes FROM moving WHERE total < {too_large}
    ), remembered AS (
        INSERT INTO portfolios_migratedamount
            (migration_id, kind, {owner}, old_amount, new_amount, removed_row)
        SELECT %(migration)s, %(kind)s, owner_id, old_amount, new_amount,
            CASE WHEN goes THEN whole END
        FROM moved
    ), gone AS (
        DELETE FROM {table} AS stored USING moved WHERE stored.id = moved.id AND goes
    ), written AS (
        UPDATE {table} AS stored SET asset_id = %(new)s, {amount} = total FROM moved
        WHERE stored.id = CASE WHEN goes THEN joined_id ELSE moved.id END
    ){ledger}
    SELECT count(*) FROM moving WHERE total >= {too_large}
"""
# What a repeated application moved joins the first. `given` is what is still there of an amount,
# `stays` what the owner has of the new token besides, and `total` what they get of the old one.
MOVE_BACK = """
    WITH remembered AS (
        SELECT {owner} AS owner_id, sum(old_amount) AS old_amount, sum(new_amount) AS new_amount,
            (array_agg(removed_row ORDER BY id) FILTER (WHERE removed_row IS NOT NULL))[1]
                AS removed
        FROM portfolios_migratedamount
        WHERE migration_id = %(migration)s AND kind = %(kind)s
            AND {owner} = ANY(%(owners)s::bigint[])
        GROUP BY {owner}
    ), given AS (
        SELECT remembered.*, new_row.id AS new_id, old_row.id AS old_id,
            COALESCE(new_row.{amount}, 0) AS held, COALESCE(old_row.{amount}, 0) AS present,
            LEAST(COALESCE(new_row.{amount}, 0), remembered.new_amount) AS given
        FROM remembered
        LEFT JOIN {table} AS new_row
            ON new_row.{owner} = owner_id AND new_row.asset_id = %(new)s
        LEFT JOIN {table} AS old_row
            ON old_row.{owner} = owner_id AND old_row.asset_id = %(old)s
    ), owed AS MATERIALIZED (
        SELECT *, held - given AS stays,
            present + CASE WHEN given = new_amount THEN old_amount ELSE {returned} END AS total
        FROM given
    ), settled AS (
        SELECT *, new_id IS NOT NULL AND stays = 0 AND old_id IS NULL AND total > 0 AS turns
        FROM owed WHERE total < {too_large}
    ), gone AS (
        DELETE FROM {table} AS stored USING settled
        WHERE stored.id = new_id AND stays = 0 AND NOT turns
    ), kept AS (
        UPDATE {table} AS stored SET {amount} = stays FROM settled
        WHERE stored.id = new_id AND stays > 0
    ), written AS (
        UPDATE {table} AS stored SET asset_id = %(old)s, {amount} = total FROM settled
        WHERE stored.id = CASE WHEN turns THEN new_id ELSE old_id END
    ), recreated AS (
        INSERT INTO {table}
        SELECT row_again.*
        FROM settled, jsonb_populate_record(
            NULL::{table},
            %(defaults)s::jsonb
            || COALESCE(removed, jsonb_build_object('id', nextval({sequence})))
            || jsonb_build_object('{owner}', owner_id, 'asset_id', %(old)s, '{amount}', total)
        ) AS row_again
        WHERE old_id IS NULL AND NOT turns AND (total > 0 OR given = new_amount)
    ){ledger}
    SELECT count(*) FROM owed WHERE total >= {too_large}
"""

# What moves a holding is a line of its ledger, too, after all others: a reversal adds another.
BOOK = """, booked AS (
        INSERT INTO portfolios_transaction
            (portfolio_id, kind, at, sent_asset_id, sent_quantity, received_asset_id,
             received_quantity, token_migration_id)
        SELECT owner_id, 'migration', GREATEST(statement_timestamp(), (
                SELECT max(at) FROM portfolios_transaction WHERE portfolio_id = owner_id
            )),
            CASE WHEN {out} > 0 THEN %({sent})s::bigint END, NULLIF({out}, 0),
            CASE WHEN {into} > 0 THEN %({received})s::bigint END, NULLIF({into}, 0),
            %(migration)s
        FROM {moves} WHERE {out} > 0 OR {into} > 0
    )"""


# A rule of the old token holds for the new one, too, unless there is one already. The old one
# stays and hinders nobody; after a reversal its copy goes where nothing of the new token is left.
EXTEND_RULES = """
    INSERT INTO portfolios_positionrule (portfolio_id, asset_id, band, relative_band, trading)
    SELECT portfolio_id, %(new)s, band, relative_band, trading
    FROM portfolios_positionrule
    WHERE asset_id = %(old)s AND portfolio_id = ANY(%(owners)s::bigint[])
    ON CONFLICT (portfolio_id, asset_id) DO NOTHING
"""
WITHDRAW_RULES = """
    DELETE FROM portfolios_positionrule AS copy USING portfolios_positionrule AS rule
    WHERE copy.asset_id = %(new)s AND rule.asset_id = %(old)s
        AND copy.portfolio_id = rule.portfolio_id
        AND copy.portfolio_id = ANY(%(owners)s::bigint[])
        AND (copy.band, copy.relative_band, copy.trading)
            IS NOT DISTINCT FROM (rule.band, rule.relative_band, rule.trading)
        AND NOT EXISTS (SELECT FROM portfolios_holding AS held
                        WHERE held.portfolio_id = copy.portfolio_id AND held.asset_id = %(new)s)
        AND NOT EXISTS (SELECT FROM portfolios_targetweight AS wanted
                        WHERE wanted.portfolio_id = copy.portfolio_id
                            AND wanted.asset_id = %(new)s)
"""


@dataclass(frozen=True)
class Place:
    """A table that says how much of an asset somebody holds or wants."""

    kind: Kind
    model: type[Model]
    owner: str
    amount: str

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    def owners(self, asset_id: int) -> set[int]:
        rows = self.model._default_manager.filter(asset_id=asset_id)
        return set(rows.values_list(self.owner, flat=True))

    @property
    def defaults(self) -> str:
        """What a row of this table has that nobody gave anything, as JSON."""
        fields = [field for field in self.model._meta.concrete_fields if not field.primary_key]
        return json.dumps(
            {field.attname: field.get_default() for field in fields}, cls=DjangoJSONEncoder
        )


HOLDINGS = Place(Kind.HOLDING, Holding, "portfolio_id", "quantity")
TARGETS = Place(Kind.TARGET, TargetWeight, "portfolio_id", "weight")
STRATEGIC = Place(Kind.STRATEGIC, StrategicWeight, "portfolio_id", "weight")
LEDGER_OF = {
    MOVE: {
        "moves": "moved",
        "sent": "old",
        "out": "old_amount",
        "received": "new",
        "into": "new_amount",
    },
    MOVE_BACK: {
        "moves": "settled",
        "sent": "new",
        "out": "given",
        "received": "old",
        "into": "(total - present)",
    },
}
MODEL_LINES = Place(Kind.MODEL_LINE, ModelPortfolioLine, "model_portfolio_id", "weight")


def move(place: Place, migration: TokenMigration, owners: Collection[int]) -> int:
    """Move these owners' rows to the new token and remember them; return how many had to stay."""
    return _execute(MOVE, place, migration, owners)


def move_back(place: Place, migration: TokenMigration, owners: Collection[int]) -> int:
    """Turn back what is still there of each remembered amount; return how many had to stay."""
    return _execute(MOVE_BACK, place, migration, owners)


def extend_rules(migration: TokenMigration, portfolios: Collection[int]) -> None:
    """Let what these portfolios say of the old token hold for the new one."""
    _change_rules(EXTEND_RULES, migration, portfolios)


def withdraw_rules(migration: TokenMigration, portfolios: Collection[int]) -> None:
    """Take that back where nothing of the new token is left."""
    _change_rules(WITHDRAW_RULES, migration, portfolios)


def _change_rules(statement: str, migration: TokenMigration, portfolios: Collection[int]) -> None:
    tokens = {"old": migration.old_asset_id, "new": migration.new_asset_id}
    with connection.cursor() as cursor:
        cursor.execute(statement, {**tokens, "owners": sorted(portfolios)})


def _execute(
    statement: str, place: Place, migration: TokenMigration, owners: Collection[int]
) -> int:
    if not owners:
        return 0
    names = {
        "table": place.table,
        "owner": place.owner,
        "amount": place.amount,
        "added": f"old_row.{place.amount}",
        "returned": "given",
        "ledger": "",
        "too_large": TOO_LARGE,
        "sequence": f"pg_get_serial_sequence('{place.table}', 'id')",
    }
    if place is HOLDINGS:  # quantities are converted, weights are not
        names["added"] = _converted("old_row.quantity", "new_units", "old_units")
        names["returned"] = _converted("given", "old_units", "new_units")
        names["ledger"] = BOOK.format(**LEDGER_OF[statement])
    parameters: dict[str, Any] = {
        "migration": migration.pk,
        "kind": place.kind,
        "old": migration.old_asset_id,
        "new": migration.new_asset_id,
        "old_units": migration.old_units,
        "new_units": migration.new_units,
        "owners": sorted(owners),
        "defaults": place.defaults,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement.format(**names), parameters)
        left_alone: int = cursor.fetchone()[0]
    return left_alone


def _converted(amount: str, to_units: str, from_units: str) -> str:
    """`amount` in units of the other token, rounded down to the smallest unit."""
    units = f"{amount} * %({to_units})s * {10**DECIMALS}::numeric"
    return f"div({units}, %({from_units})s) * {SMALLEST:f}"
