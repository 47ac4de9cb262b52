"""The catalogue a new installation starts with, from `catalogue.toml`."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model

from portfolios.models import (
    Asset,
    AssetCategory,
    ModelPortfolio,
    ModelPortfolioLine,
    RiskProfile,
    TokenMigration,
    Venue,
)

FILE = Path(__file__).resolve().parent.parent / "catalogue.toml"

Row = Mapping[str, Any]
M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class CatalogueReport:
    """How many rows of the catalogue were new, changed, or left as they were."""

    created: int
    updated: int
    unchanged: int


@transaction.atomic
def load(*, refresh: bool = False) -> CatalogueReport:
    """Bring the rows of the catalogue file into the database.

    Idempotent. The file speaks only for rows that are not there yet: what an admin has edited
    stays, unless `refresh` asks for the file's words everywhere. Nothing is ever deleted but,
    in a refresh, the lines of the file's model portfolios.
    """
    return _Loader(refresh).load(_read())


@cache
def starting_prices() -> dict[str, float]:
    """Approximate prices by CoinGecko id, for assets that the simulator has no figures of."""
    rows = _read()["assets"]
    return {row["id"]: float(row["starting_price"]) for row in rows if "starting_price" in row}


def _read() -> Row:
    with FILE.open("rb") as file:
        return tomllib.load(file, parse_float=Decimal)


class _Loader:
    def __init__(self, refresh: bool) -> None:
        self.refresh = refresh
        self.created = self.updated = self.unchanged = 0

    def load(self, content: Row) -> CatalogueReport:
        categories = self._upsert(AssetCategory, "slug", _categories(content))
        coins = self._upsert(Asset, "coingecko_id", _assets(content["assets"], categories))
        assets = self._upsert(Asset, "coingecko_id", _assets(content["forms"], categories, coins))
        profiles = self._upsert(RiskProfile, "slug", _profiles(content))
        known = set(ModelPortfolio.objects.values_list("slug", flat=True))
        models = self._upsert(ModelPortfolio, "slug", _models(content, profiles))
        for row in content["models"]:
            if self.refresh or row["slug"] not in known:
                _replace_lines(models[row["slug"]], row["lines"], assets, categories)
        self._upsert(Venue, "slug", _venues(content))
        self._prepare_migrations(content, assets)
        return CatalogueReport(self.created, self.updated, self.unchanged)

    def _upsert(self, model: type[M], key: str, rows: Iterable[Row]) -> dict[str, M]:
        """Create what is missing, and return every instance by its key."""
        instances = {str(getattr(row, key)): row for row in model._default_manager.all()}
        for row in rows:
            instance = instances.get(row[key])
            if instance is None:
                instances[row[key]] = model._default_manager.create(**row)
                self.created += 1
            elif self.refresh and _differs(instance, row):
                for name, value in row.items():
                    setattr(instance, name, value)
                instance.save()
                self.updated += 1
            else:
                self.unchanged += 1
        return instances

    def _prepare_migrations(self, content: Row, assets: Mapping[str, Asset]) -> None:
        """Token migrations are prepared, never applied: that is for an admin to decide."""
        known = set(TokenMigration.objects.values_list("old_asset_id", "new_asset_id"))
        for row in content["token_migrations"]:
            old_asset, new_asset = assets[row["old"]], assets[row["new"]]
            if (old_asset.pk, new_asset.pk) in known:
                self.unchanged += 1
                continue
            TokenMigration.objects.create(
                old_asset=old_asset,
                new_asset=new_asset,
                old_units=row["old_units"],
                new_units=row["new_units"],
                effective_on=row["effective_on"],
            )
            self.created += 1


def _differs(instance: Model, row: Row) -> bool:
    return any(getattr(instance, name) != value for name, value in row.items())


def _categories(content: Row) -> Iterable[Row]:
    for position, row in enumerate(content["categories"], start=1):
        least, most = row.get("recommended", (None, None))
        yield {
            "slug": row["slug"],
            "name": row["name"],
            "risk_level": row["risk_level"],
            "recommended_min": least,
            "recommended_max": most,
            "colour": row["colour"],
            "position": position,
        }


def _assets(
    rows: Iterable[Row],
    categories: Mapping[str, AssetCategory],
    coins: Mapping[str, Asset] | None = None,
) -> Iterable[Row]:
    """What is stored of each; `coins` are those that forms stand for."""
    for row in rows:
        yield {
            "coingecko_id": row["id"],
            "symbol": row["symbol"],
            "name": row["name"],
            "category": categories[row["category"]],
            "kind": row.get("kind", Asset.Kind.COIN),
            "cap_rank": row.get("cap_rank"),
            "curated_tier": row.get("tier", ""),
            "assumed_yield": row.get("assumed_yield"),
            "form_of": coins[row["form_of"]] if coins else None,
        }


def _profiles(content: Row) -> Iterable[Row]:
    for position, row in enumerate(content["profiles"], start=1):
        yield {
            "slug": row["slug"],
            "name": row["name"],
            "position": position,
            "max_drawdown": row["max_drawdown"],
            "return_target_min": row["return_target"][0],
            "return_target_max": row["return_target"][1] if row["return_target"][1:] else None,
            "core_min": row["core"][0],
            "core_max": row["core"][1],
            "bitcoin_cap": row["caps"]["bitcoin"],
            "ether_cap": row["caps"]["ether"],
            "other_cap": row["caps"]["other"],
            "least_score": row["least_score"],
        }


def _venues(content: Row) -> Iterable[Row]:
    spreads = ("stable", "core", "large", "mid", "other")
    for position, row in enumerate(content["venues"], start=1):
        half_spreads = zip(spreads, row["half_spread"], strict=True)
        plain = {name: value for name, value in row.items() if name != "half_spread"}
        yield {
            **plain,
            **{f"half_spread_{tier}": rate for tier, rate in half_spreads},
            "position": position,
        }


def _models(content: Row, profiles: Mapping[str, RiskProfile]) -> Iterable[Row]:
    for row in content["models"]:
        yield {
            "slug": row["slug"],
            "name": row["name"],
            "profile": profiles[row["profile"]],
            "description": row["description"],
        }


def _replace_lines(
    model_portfolio: ModelPortfolio,
    rows: Iterable[Row],
    assets: Mapping[str, Asset],
    categories: Mapping[str, AssetCategory],
) -> None:
    model_portfolio.lines.all().delete()
    ModelPortfolioLine.objects.bulk_create(
        ModelPortfolioLine(
            model_portfolio=model_portfolio,
            asset=assets[row["asset"]] if "asset" in row else None,
            category=categories[row["category"]] if "category" in row else None,
            slot_name=row.get("slot_name", ""),
            weight=row["weight"],
            position=position,
        )
        for position, row in enumerate(rows, start=1)
    )
