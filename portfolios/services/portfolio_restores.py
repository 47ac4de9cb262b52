"""A portfolio out of its own file, in the state in which it was exported."""

from collections.abc import Mapping
from datetime import MAXYEAR, UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import DataError, IntegrityError, transaction

from accounts.models import User
from portfolios.importers import portfolio_files as files
from portfolios.importers.portfolio_files import PortfolioFile, PortfolioFileError
from portfolios.models import (
    Asset,
    AssetCategory,
    LotChoice,
    OwnPrice,
    Portfolio,
    PositionRule,
    RiskProfile,
    TargetVersion,
    TargetWeight,
    Transaction,
    Venue,
)
from portfolios.services import own_assets, roles, rules, sandboxes, targets, tilts, transactions
from portfolios.services.entries import FIRST_MOMENT
from portfolios.services.errors import PortfolioError
from portfolios.services.portfolio_files import CATEGORY, SETTINGS
from portfolios.services.rules import Rule
from portfolios.services.targets import Aim

LEGS = ("received", "sent", "fee")


class RestoreError(PortfolioError):
    """A file that no portfolio can be opened from; nothing is made then."""


@transaction.atomic
def restore(*, owner: User, text: str, now: datetime) -> Portfolio:
    """Open a portfolio in the state that the file tells.

    An own asset of the same name and ticker is used again. Raises RestoreError, and what
    transactions, targets and rules refuse; then nothing is made.
    """
    sandboxes.check_room(owner)
    if "\x00" in text:
        raise RestoreError("The file holds characters that no text has. Export it again.")
    try:
        told = files.parse(text)
        portfolio = _open(owner, told)
        assets = _assets(owner, told, now)
        _write_aims(portfolio, told, assets)
        _write_versions(portfolio, told, assets)
        _write_ledger(portfolio, told, assets, now)
    except PortfolioFileError as error:
        raise RestoreError(str(error)) from error
    except (IntegrityError, DataError, OverflowError) as error:
        raise RestoreError(
            "The file says twice what can be there once, or holds a quantity, a price or a moment "
            "that cannot be. Export it again, or take back what was changed in it."
        ) from error
    return portfolio


def _open(owner: User, told: PortfolioFile) -> Portfolio:
    portfolio = Portfolio(owner=owner)
    for name in SETTINGS:
        if name not in told.settings:
            continue  # the file is older than the setting
        text = told.settings[name]
        if name == "profile":
            portfolio.profile = _profile(text)
            continue
        if name == "venue":
            portfolio.venue = _venue(text)
            continue
        field = Portfolio._meta.get_field(name)
        value: Any = text == "yes" if field.get_internal_type() == "BooleanField" else text
        setattr(portfolio, name, None if text == "" and field.null else value)
    try:
        portfolio.full_clean()
    except ValidationError as error:
        name, problems = next(iter(error.message_dict.items()))
        where = "" if name == NON_FIELD_ERRORS else f"Setting “{name}”: "
        raise RestoreError(f"{where}{' '.join(problems)}") from error
    portfolio.save()
    return portfolio


def _profile(slug: str) -> RiskProfile | None:
    profile = RiskProfile.objects.filter(slug=slug).first()
    if slug and profile is None:
        raise RestoreError(f"There is no risk profile “{slug[:40]}” here.")
    return profile


def _venue(slug: str) -> Venue | None:
    venue = Venue.objects.filter(slug=slug).first()
    if slug and venue is None:
        raise RestoreError(f"There is no venue “{slug[:40]}” here.")
    return venue


def _assets(owner: User, told: PortfolioFile, now: datetime) -> dict[str, Asset]:
    """Every asset that the file names, by its key."""
    aims = [*told.targets, *told.tilted_targets, *told.rules, *told.target_versions]
    rows = [*told.transactions, *aims]
    names = ("key", *(f"{leg}_asset" for leg in (*LEGS, "value")))
    keys = {row[name] for row in rows for name in names if row.get(name)}
    found = {
        str(asset.coingecko_id): asset for asset in Asset.objects.filter(coingecko_id__in=keys)
    }
    found |= {row.get("key", ""): _own(owner, row, now) for row in told.own_assets}
    unknown = sorted(key for key in keys if key not in found and not key.startswith(CATEGORY))
    if unknown:
        shown = ", ".join(f"“{key[:40]}”" for key in unknown[:5])
        raise RestoreError(f"These assets are not known here: {shown}.")
    return found


def _own(owner: User, row: Mapping[str, Any], now: datetime) -> Asset:
    name, symbol = row.get("name", ""), row.get("symbol", "")
    known = Asset.of_anybody.filter(owner=owner, name=name, symbol=symbol).first()
    if known is not None:
        return known
    category = AssetCategory.objects.filter(slug=row.get("category", "")).first()
    if category is None or not row["prices"] or not 0 < len(name) <= 80 or len(symbol) > 20:
        raise RestoreError(f"The own asset “{name[:40]}” needs a name, a category and a price.")
    prices = {_day(price.get("date", "")): _number(price, "price") for price in row["prices"]}
    first = min(prices)
    asset = own_assets.create(
        owner=owner, name=name, symbol=symbol, category=category, price=prices.pop(first),
        priced_on=first, today=now.date(),
    )  # fmt: skip
    OwnPrice.objects.bulk_create(
        OwnPrice(asset=asset, date=day, price=float(price)) for day, price in prices.items()
    )
    return asset


def _write_aims(portfolio: Portfolio, told: PortfolioFile, assets: Mapping[str, Asset]) -> None:
    weights = {_aim(row, assets): _number(row, "weight") for row in told.targets}
    if weights:
        targets.check_weights(weights)
        TargetWeight.objects.bulk_create(targets.rows(portfolio=portfolio, weights=weights))
    if told.tilted_targets:
        _write_tilt(portfolio, told, assets)
    ruled = {_aim(row, assets): _rule(row) for row in told.rules}
    if ruled:
        rules.replace(portfolio=portfolio, rules=ruled, expected_revision=None)
    roles.check(portfolio)


def _write_versions(portfolio: Portfolio, told: PortfolioFile, assets: Mapping[str, Asset]) -> None:
    """Versions in the order of their numbers, numbered anew; what was gone stays a name."""
    versions: dict[str, TargetVersion] = {}
    for row in told.target_versions:
        version = versions.setdefault(
            row.get("version", ""),
            TargetVersion(
                portfolio=portfolio,
                number=len(versions) + 1,
                name=row.get("name", "")[: TargetVersion.NAME_LENGTH],
                saved_at=_moment(row.get("saved_at", "")),
                lines=[],
            ),
        )
        line: dict[str, Any] = {"name": row.get("called", "")[:80]}
        line["weight"] = f"{_number(row, 'weight'):f}"
        if row.get("key"):
            aim = _aim(row, assets)
            line["asset" if isinstance(aim, Asset) else "category"] = aim.pk
        version.lines.append(line)
    TargetVersion.objects.bulk_create(versions.values())


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        _refuse(f"“{text[:40]}” is no moment.")
    if not FIRST_MOMENT.year <= moment.year < MAXYEAR:
        _refuse(f"“{text[:40]}” is no moment at which anything was saved.")
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _write_tilt(portfolio: Portfolio, told: PortfolioFile, assets: Mapping[str, Asset]) -> None:
    first = told.tilted_targets[0]
    weights = {_aim(row, assets): _number(row, "weight") for row in told.tilted_targets}
    targets.check_weights(weights)
    tilts.put(
        portfolio=portfolio,
        weights=weights,
        regime=first.get("regime", "")[:40],
        ends_on=_day(first.get("ends_on", "")),
    )


def _aim(row: Mapping[str, str], assets: Mapping[str, Asset]) -> Aim:
    key = row.get("key", "")
    if not key.startswith(CATEGORY):
        return assets[key] if key in assets else _refuse(f"“{key[:40]}” is no asset.")
    category = AssetCategory.objects.filter(slug=key.removeprefix(CATEGORY)).first()
    return category or _refuse(f"There is no category “{key[len(CATEGORY) :][:40]}” here.")


def _rule(row: Mapping[str, str]) -> Rule:
    names = {trading.name.lower(): trading for trading in PositionRule.Trading}
    if row.get("trading", "") not in names:
        _refuse(f"“{row.get('trading', '')[:40]}” is no rule of trading.")
    bands = {
        name: _number(row, name) if row.get(name) else None for name in ("band", "relative_band")
    }
    return Rule(**bands, trading=names[row["trading"]])


def _write_ledger(
    portfolio: Portfolio, told: PortfolioFile, assets: Mapping[str, Asset], now: datetime
) -> None:
    entries: dict[str, Transaction] = {}
    for row in told.transactions:
        line = row.get("line", "")
        try:
            entries[line] = _entry(row, assets)
        except (RestoreError, ValueError) as error:
            raise RestoreError(f"Transaction {line[:20]}: {error}") from error
    transactions.record(portfolio, list(entries.values()), now=now)
    choices = [
        LotChoice(sale=entries[row["line"]], purchase=purchase, quantity=quantity)
        for row in told.transactions
        for purchase, quantity in _lots(row, entries)
    ]
    LotChoice.objects.bulk_create(choices)


def _entry(row: Mapping[str, str], assets: Mapping[str, Asset]) -> Transaction:
    entry = Transaction(kind=row.get("kind", ""), at=datetime.fromisoformat(row.get("at", "")))
    if entry.kind not in Transaction.Kind.values:
        _refuse(f"“{entry.kind[:40]}” is no kind of transaction.")
    entry.at = entry.at.replace(tzinfo=entry.at.tzinfo or UTC)
    for leg in LEGS:
        if row.get(f"{leg}_quantity"):
            setattr(entry, f"{leg}_quantity", _number(row, f"{leg}_quantity"))
        setattr(entry, f"{leg}_asset", assets.get(row.get(f"{leg}_asset", "")))
    entry.value = _number(row, "value") if row.get("value") else None
    entry.value_asset = assets.get(row.get("value_asset", ""))
    entry.note = row.get("note", "")[:500]
    entry.external_id = row.get("external_id", "")[:200]
    entry.fingerprint = row.get("fingerprint", "")[:64] or None
    return entry


def _lots(
    row: Mapping[str, str], entries: Mapping[str, Transaction]
) -> list[tuple[Transaction, Decimal]]:
    chosen = [part.partition(":") for part in row.get("lots", "").split()]
    if any(line not in entries for line, _, _ in chosen):
        _refuse(f"Transaction {row['line'][:20]}: its lots name a line that is not there.")
    return [(entries[line], _number({"lots": quantity}, "lots")) for line, _, quantity in chosen]


def _number(row: Mapping[str, str], name: str) -> Decimal:
    try:
        number = Decimal(row.get(name, ""))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0 or number.adjusted() > 30:
        _refuse(f"{name} is “{row.get(name, '')[:40]}”, which is no number that can be.")
    return number


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        _refuse(f"“{text[:40]}” is no day.")


def _refuse(words: str) -> NoReturn:
    raise RestoreError(words)
