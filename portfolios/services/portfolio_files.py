"""Everything of a portfolio in one file that brings it back: CSV for spreadsheets, and JSON.

What the columns and keys mean is in docs/ledger.md. Numbers are exact decimals, times are UTC, and
assets go by their keys: CoinGecko's id, a currency's code, or `own:1` for one of the owner's own.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from accounts.services import exports
from portfolios.importers.portfolio_files import FORMAT, VERSION
from portfolios.models import (
    Asset,
    AssetCategory,
    LotChoice,
    OwnPrice,
    Portfolio,
    PositionRule,
    RiskProfile,
    Tilt,
    Transaction,
    Venue,
)
from portfolios.selectors import ledger

# Every field of a portfolio but these: one added tomorrow is in tomorrow's files.
NO_SETTINGS = {"id", "owner", "archived_at", "deleted_at", "revision", "created_at"}
SETTINGS = tuple(
    field.name for field in Portfolio._meta.concrete_fields if field.name not in NO_SETTINGS
)
TRANSACTION = (
    "line", "kind", "at",
    "received_quantity", "received_asset", "sent_quantity", "sent_asset",
    "fee_quantity", "fee_asset", "value", "value_asset",
    "note", "external_id", "fingerprint", "lots",
)  # fmt: skip
COLUMNS = (
    "record", "key", "text", "symbol", "category", "number", "relative_band", *TRANSACTION,
)  # fmt: skip
CATEGORY = "category:"
AT_ONCE = 2_000  # lines in memory
Row = dict[str, Any]


def as_csv(portfolio: Portfolio) -> Iterator[str]:
    """The file in pieces: a header, then a row a record. Texts are no formulas: see `guarded`."""
    keys = _keys(portfolio)
    yield _csv_line(COLUMNS)
    for record, row in _records(_head(portfolio, keys)):
        yield _csv_line(guarded(({"record": record} | row).get(name)) for name in COLUMNS)
    for row in _transactions(portfolio, keys):
        yield _csv_line(guarded(({"record": "transaction"} | row).get(name)) for name in COLUMNS)


def as_json(portfolio: Portfolio) -> Iterator[str]:
    """The file in pieces: one object whose transactions, one a line, come last."""
    keys = _keys(portfolio)
    yield json.dumps(_head(portfolio, keys), ensure_ascii=False).removesuffix("}")
    yield ', "transactions": ['
    for number, row in enumerate(_transactions(portfolio, keys)):
        yield (",\n" if number else "\n") + json.dumps(row, ensure_ascii=False)
    yield "\n]}\n"


def guarded(cell: str | None) -> str:
    """A text that no spreadsheet takes for a formula.

    Whoever reads the file takes one apostrophe off the front of a cell that begins with one.
    """
    text = cell or ""
    return f"'{text}" if text.startswith(("'", *exports.FORMULA_STARTS)) else text


def _head(portfolio: Portfolio, keys: dict[int, str]) -> Row:
    """All but the transactions."""
    targets = portfolio.target_weights.select_related("asset", "category").order_by("pk")
    tilt = Tilt.objects.filter(portfolio=portfolio).first()
    tilted = [(target, tilt) for target in targets] if tilt else []
    waiting = portfolio.strategic_weights.select_related("asset", "category").order_by("pk")
    return {
        "format": FORMAT,
        "version": VERSION,
        "settings": {name: _text(_setting(portfolio, name)) for name in SETTINGS},
        "own_assets": _own_assets(portfolio, keys),
        "targets": [
            {"key": _aim(target.aim, keys), "weight": _text(target.weight)}
            for target in (waiting if tilt else targets)
        ],
        "tilted_targets": [
            {
                "key": _aim(target.aim, keys),
                "weight": _text(target.weight),
                "regime": tilt.regime,
                "ends_on": _text(tilt.ends_on),
            }
            for target, tilt in tilted
        ],
        "rules": _rules(portfolio, keys),
        "target_versions": _versions(portfolio, keys),
    }


def _own_assets(portfolio: Portfolio, keys: dict[int, str]) -> list[Row]:
    own = Asset.of_anybody.filter(pk__in=keys, owner=portfolio.owner_id).select_related("category")
    prices: dict[int, list[Row]] = {asset.pk: [] for asset in own}
    for price in OwnPrice.objects.filter(asset__in=prices).order_by("date"):
        prices[price.asset_id].append({"date": _text(price.date), "price": repr(price.price)})
    return [
        {
            "key": keys[asset.pk],
            "name": asset.name,
            "symbol": asset.symbol,
            "category": asset.category.slug,
            "prices": prices[asset.pk],
        }
        for asset in own
    ]


def _rules(portfolio: Portfolio, keys: dict[int, str]) -> list[Row]:
    return [
        {
            "key": _aim(rule.aim, keys),
            "band": _text(rule.band),
            "relative_band": _text(rule.relative_band),
            "trading": PositionRule.Trading(rule.trading).name.lower(),
        }
        for rule in portfolio.rules.select_related("asset", "category").order_by("pk")
    ]


def _versions(portfolio: Portfolio, keys: dict[int, str]) -> list[Row]:
    """A row a line of a version: those of one version follow one another. Gone aims have no key."""
    slugs = dict(AssetCategory.objects.values_list("pk", "slug"))
    return [
        {
            "version": str(version.number),
            "name": version.name,
            "saved_at": _text(version.saved_at),
            "key": keys.get(line["asset"], "")
            if "asset" in line
            else f"{CATEGORY}{slugs[line['category']]}",
            "called": line["name"],
            "weight": line["weight"],
        }
        for version in portfolio.target_versions.order_by("number")
        for line in version.lines
    ]


def _aim(aim: Asset | AssetCategory, keys: dict[int, str]) -> str:
    return keys[aim.pk] if isinstance(aim, Asset) else f"{CATEGORY}{aim.slug}"


def _setting(portfolio: Portfolio, name: str) -> Any:
    value = getattr(portfolio, name)
    return value.slug if isinstance(value, RiskProfile | Venue) else value


def _records(head: Row) -> Iterator[tuple[str, Row]]:
    """The head as rows of the CSV file, in the order in which they can be brought back."""
    for name, value in head["settings"].items():
        yield "setting", {"key": name, "text": value}
    for asset in head["own_assets"]:
        shown = {name: asset[name] for name in ("key", "symbol", "category")}
        yield "own_asset", {**shown, "text": asset["name"]}
        for price in asset["prices"]:
            row = {"key": asset["key"], "at": price["date"], "number": price["price"]}
            yield "own_price", row
    for target in head["targets"]:
        yield "target", {"key": target["key"], "number": target["weight"]}
    for target in head["tilted_targets"]:
        row = {"key": target["key"], "number": target["weight"]}
        yield "tilted_target", {**row, "text": target["regime"], "at": target["ends_on"]}
    for rule in head["rules"]:
        bands = {"number": rule["band"], "relative_band": rule["relative_band"]}
        yield "rule", {"key": rule["key"], "text": rule["trading"], **bands}
    for line in head["target_versions"]:
        said = {"line": line["version"], "note": line["name"], "at": line["saved_at"]}
        named = {"key": line["key"], "text": line["called"], "number": line["weight"]}
        yield "target_version", {**said, **named}


def _transactions(portfolio: Portfolio, keys: dict[int, str]) -> Iterator[Row]:
    """The ledger in its order; `lots` names lines by their numbers."""
    pks = _in_order(portfolio).values_list("pk", flat=True)
    lines = {pk: number for number, pk in enumerate(pks, start=1)}
    chosen: dict[int, list[str]] = {}
    for choice in LotChoice.objects.filter(sale__portfolio=portfolio).order_by("pk"):
        line = lines[choice.purchase_id]
        chosen.setdefault(choice.sale_id, []).append(f"{line}:{_text(choice.quantity)}")
    for entry in _in_order(portfolio).iterator(chunk_size=AT_ONCE):
        row = {
            name: keys.get(getattr(entry, f"{name}_id"), "")  # the asset itself would be a query
            if name.endswith("_asset")
            else _text(getattr(entry, name, None))
            for name in TRANSACTION
        }
        row["line"], row["lots"] = str(lines[entry.pk]), " ".join(chosen.get(entry.pk, ()))
        yield {name: row[name] for name in TRANSACTION}


def _in_order(portfolio: Portfolio) -> QuerySet[Transaction]:
    return portfolio.transactions.order_by("at", "pk")


def _keys(portfolio: Portfolio) -> dict[int, str]:
    """How the file names each asset that the portfolio has to do with."""
    wanted = portfolio.target_weights.values_list("asset_id", flat=True)
    ruled = portfolio.rules.values_list("asset_id", flat=True)
    versions = portfolio.target_versions.values_list("lines", flat=True)
    kept = [line.get("asset") for lines in versions for line in lines]
    every = (*ledger.assets_named(portfolio), *wanted, *ruled, *kept)
    named = (pk for pk in every if pk is not None)
    rows = Asset.of_anybody.filter(pk__in=set(named)).order_by("pk")
    keys: dict[int, str] = {}
    for asset in rows:
        number = sum(key.startswith("own:") for key in keys.values()) + 1
        keys[asset.pk] = asset.coingecko_id or f"own:{number}"
    return keys


def _text(value: Any) -> str:
    """A value as the file writes it; exact, and the same for the same value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        plain = f"{value:f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
