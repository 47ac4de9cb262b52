"""Bringing in what currencies were worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from django.db import transaction

from portfolios.market_data import reference_rates
from portfolios.market_data.reference_rates import DECIMALS, RatesError
from portfolios.models import Asset, ReferenceRate
from portfolios.models.assets import DOLLAR

ERRORS = (RatesError, OSError)
BATCH = 5_000


@dataclass(frozen=True)
class ImportReport:
    files: int
    rates: int
    unknown_currencies: list[str]
    """Left out, since the catalogue has none of them."""


@transaction.atomic
def import_files(path: Path) -> ImportReport:
    """Import a file or every CSV file of a directory; a rate that is there is replaced.

    Idempotent. Raises RatesError for a file with a line that cannot be believed; then nothing has
    changed.
    """
    paths = reference_rates.files(path)
    assets = Asset.objects.filter(kind=Asset.Kind.CASH).exclude(coingecko_id=DOLLAR)
    ids = {str(key): pk for key, pk in assets.values_list("coingecko_id", "pk")}
    stored, unknown = 0, set[str]()
    for each in paths:
        with each.open(encoding="utf-8-sig", newline="") as lines:
            rates = reference_rates.parse(lines, source=each.name)
        unknown |= {rate.currency for rate in rates if rate.currency not in ids} - {DOLLAR}
        stored += _store({(ids[r.currency], r.date): r.rate for r in rates if r.currency in ids})
    return ImportReport(len(paths), stored, sorted(unknown))


def _store(rates: Mapping[tuple[int, date], Decimal]) -> int:
    ReferenceRate.objects.bulk_create(
        (
            ReferenceRate(asset_id=asset_id, date=day, rate=rate.quantize(DECIMALS))
            for (asset_id, day), rate in rates.items()
        ),
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["asset", "date"],
        update_fields=["rate"],
    )
    return len(rates)
