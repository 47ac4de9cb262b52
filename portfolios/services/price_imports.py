"""Where daily prices come from, and bringing them in. Files are streamed, never held whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, QuerySet

from portfolios.market_data import csv_directory, simulator
from portfolios.market_data.candles import Candle, RejectedRow
from portfolios.models import Asset, PriceSource
from portfolios.services import catalogue, price_staging


class DuplicateFileError(ValueError):
    """Two files want to be the prices of one symbol."""


class MixedMarketError(ValueError):
    """Prices of another kind than the database already holds."""


ERRORS = (
    csv_directory.MissingFilesError,
    csv_directory.HeaderError,
    DuplicateFileError,
    MixedMarketError,
)
"""What an operator can mend; each says how."""

# A day counts as complete in the data once this share of the assets that had the day before has it.
COMPLETE_SHARE = 0.9


@dataclass(frozen=True)
class ImportReport:
    """What an import read and what it changed; `rows` counts the quarantined ones, too."""

    files: int
    rows: int
    changed: int
    quarantined: int
    first_rejections: list[RejectedRow]
    unknown_symbols: list[str]
    """What was left out because no asset of the catalogue, or no simulation, goes by that name."""


def import_directory(directory: Path, *, today: date) -> ImportReport:
    """Import every SYMBOL.csv of a directory; days from `today` on are not complete yet.

    Idempotent. Bad rows go to quarantine and the rest goes in, all in one transaction. Raises
    csv_directory.HeaderError, csv_directory.MissingFilesError or DuplicateFileError, each with
    a sentence for the operator; then nothing has changed.
    """
    return _import_files(directory, today=today, until=date.max)


def import_simulated(*, seed: int, until: date) -> ImportReport:
    """Import the simulated days of each asset after its last stored one. Idempotent."""
    _claim_source(PriceSource.Name.SIMULATED)
    assets = _priced_assets().annotate(last_day=Max("daily_prices__date"))
    missing: dict[date, list[simulator.SimulatedAsset]] = {}
    unknown = []
    for asset in assets.select_related("category"):
        start = asset.last_day + timedelta(days=1) if asset.last_day else simulator.ORIGIN
        assert asset.coingecko_id is not None  # own assets are not in the catalogue
        simulated = simulator.SimulatedAsset(
            asset.coingecko_id,
            asset.category.slug,
            catalogue.starting_prices().get(asset.coingecko_id),
        )
        if not _can_simulate(simulated, seed):
            unknown.append(asset.symbol)
        elif start <= until:
            missing.setdefault(start, []).append(simulated)
    ids = {asset.coingecko_id: asset.pk for asset in assets}
    counts = price_staging.store(
        (ids[key], candle)
        for start, group in missing.items()
        for key, candle in simulator.candles(group, seed=seed, start=start, end=until)
    )
    return ImportReport(files=0, unknown_symbols=unknown, **vars(counts))


def refresh(*, as_of: date) -> ImportReport:
    """Import what the configured source has up to the close of `as_of`. Idempotent.

    Later days are left for their own nights: an open candle is no case for the quarantine.
    """
    if settings.MARKET_DATA_DIR:
        return _import_files(Path(settings.MARKET_DATA_DIR), today=date.max, until=as_of)
    return import_simulated(seed=settings.SIMULATED_MARKET_SEED, until=as_of)


def last_available_day(*, until: date) -> date | None:
    """The newest day up to `until` that the configured source has, imported or not."""
    if not settings.MARKET_DATA_DIR:
        check_source(PriceSource.Name.SIMULATED)
        return until if until >= simulator.ORIGIN else None
    check_source(PriceSource.Name.FILES)
    paths = csv_directory.files(Path(settings.MARKET_DATA_DIR))
    assets = assets_by_symbol()
    days = [
        _last_day(path, until, path.stat().st_mtime_ns) for path in paths if _symbol(path) in assets
    ]
    return _newest_complete([day for day in days if day])


def check_source(name: str) -> None:
    """Raise MixedMarketError if the database holds prices from elsewhere."""
    source = PriceSource.objects.first()
    if source and source.name != name:
        raise MixedMarketError(
            f"This database holds prices of {source.get_name_display()}, and those of "
            f"{PriceSource.Name(name).label} would mix with them. Give each its own database: set "
            "DATABASE_URL or EVENKEEL_VAR, or start over with `make clean`; "
            "MARKET_DATA_DIR says which of the two is meant."
        )


def _claim_source(name: str) -> None:
    PriceSource.objects.get_or_create(pk=1, defaults={"name": name})
    check_source(name)


def _newest_complete(last_days: list[date]) -> date | None:
    """The newest day that nearly every file which reaches the day before reaches, too.

    Files arrive one by one: the first with a new day does not make that day complete.
    """
    if not last_days:
        return None
    day = max(last_days)
    while True:
        reaching = sum(last >= day for last in last_days)
        expected = sum(last >= day - timedelta(days=1) for last in last_days)
        if reaching >= COMPLETE_SHARE * expected:
            return day
        day -= timedelta(days=1)


# Asked every minute: a file is read again only when it has changed.
@lru_cache(maxsize=1000)
def _last_day(path: Path, until: date, modified_ns: int) -> date | None:
    rows = _read(path, today=date.max)
    days = (row.date for row in rows if isinstance(row, Candle) and row.date <= until)
    return max(days, default=None)


@transaction.atomic
def _import_files(directory: Path, *, today: date, until: date) -> ImportReport:
    paths = csv_directory.files(directory)
    csv_directory.check_headers(paths)
    _claim_source(PriceSource.Name.FILES)
    _check_one_file_each(paths)
    assets = assets_by_symbol()
    known = [path for path in paths if _symbol(path) in assets]
    counts = price_staging.store(
        (assets[_symbol(path)], row)
        for path in known
        for row in _read(path, today=today)
        if isinstance(row, RejectedRow) or row.date <= until
    )
    unknown = [_symbol(path) for path in paths if path not in known]
    return ImportReport(files=len(known), unknown_symbols=unknown, **vars(counts))


def _read(path: Path, *, today: date) -> Iterator[Candle | RejectedRow]:
    with csv_directory.open_text(path) as lines:
        yield from csv_directory.parse(lines, source=path.name, today=today)


def _symbol(path: Path) -> str:
    return path.stem.upper()


def _check_one_file_each(paths: Iterable[Path]) -> None:
    seen: dict[str, Path] = {}
    for path in paths:
        other = seen.setdefault(_symbol(path), path)
        if other != path:
            raise DuplicateFileError(
                f"{other.name} and {path.name} are both for {_symbol(path)}. Keep one of them."
            )


def _priced_assets() -> QuerySet[Asset]:
    """What has a market price, the largest first; cash is 1 by definition."""
    return Asset.objects.exclude(kind=Asset.Kind.CASH)


def assets_by_symbol() -> dict[str, int]:
    """Asset ids by ticker; of assets with the same ticker an active one, the largest."""
    best_first = _priced_assets().order_by("-is_active", F("cap_rank").asc(nulls_last=True))
    assets = best_first.values_list("symbol", "pk")
    return {symbol.upper(): pk for symbol, pk in reversed(assets)}


def _can_simulate(asset: simulator.SimulatedAsset, seed: int) -> bool:
    day = simulator.ORIGIN
    try:
        next(simulator.candles([asset], seed=seed, start=day, end=day))
    except simulator.UnknownCategoryError:
        return False
    return True
