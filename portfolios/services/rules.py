"""The rules of rebalancing: of a portfolio as a whole, and of single positions and categories."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portfolios.models import Asset, Portfolio, PositionRule
from portfolios.services import holdings, revisions, roles
from portfolios.services.errors import RulesError
from portfolios.services.targets import Aim, short_name

FIELDS = (
    "cadence", "relative_band", "venue", "order_type", "withdraws", "risk_aversion", "horizon_days",
    "short_term_tax", "long_term_tax", "long_term_days",
)  # fmt: skip
"""Of a portfolio, beside those of its settings."""
LEAST_AVERSION, MOST_AVERSION = Decimal("0.1"), Decimal(50)
TAX_FIELDS = ("short_term_tax", "long_term_tax", "long_term_days")


@dataclass(frozen=True)
class Rule:
    """What holds for one asset or category; None: the same as for all."""

    band: Decimal | None = None
    relative_band: Decimal | None = None
    trading: PositionRule.Trading = PositionRule.Trading.FREE

    @property
    def says_something(self) -> bool:
        return self != Rule()


def check(rules: Mapping[Aim, Rule]) -> None:
    """Raise RulesError unless every band is a fraction above zero."""
    for aim, rule in rules.items():
        for band, most in ((rule.band, Decimal("0.99")), (rule.relative_band, Decimal(1))):
            if band is not None and not (band.is_finite() and 0 < band <= most):
                raise RulesError(
                    f"A band of {short_name(aim)} must be above 0 % and at most {most:.0%}."
                )
        if rule.trading and not isinstance(aim, Asset):
            raise RulesError(f"Say for each asset of {short_name(aim)} whether it may be traded.")


def replace(
    *,
    portfolio: Portfolio,
    rules: Mapping[Aim, Rule],
    expected_revision: int | None,
    **of_portfolio: Any,
) -> None:
    """Make these the rules of the portfolio, and no others.

    Idempotent but for the revision. Raises RulesError, RolesError, and ConflictError when
    the portfolio is no longer at the revision that the person saw; None means whatever it is.
    """
    unknown: Collection[str] = set(of_portfolio) - set(FIELDS)
    assert not unknown, unknown
    check(rules)
    if not LEAST_AVERSION <= of_portfolio.get("risk_aversion", LEAST_AVERSION) <= MOST_AVERSION:
        raise RulesError(f"Risk aversion is from {LEAST_AVERSION} to {MOST_AVERSION}.")
    assets = [aim for aim in rules if isinstance(aim, Asset)]
    holdings.check_visible(assets, portfolio=portfolio)
    with revisions.changing(portfolio, expected=expected_revision) as locked:
        for name, value in of_portfolio.items():
            setattr(locked, name, value)
        locked.save(update_fields=[*of_portfolio])
        PositionRule.objects.filter(portfolio=locked).delete()
        PositionRule.objects.bulk_create(
            _row(locked, aim, rule) for aim, rule in rules.items() if rule.says_something
        )
        roles.check(locked)


def copy(*, original: Portfolio, portfolio: Portfolio) -> None:
    """Give a portfolio the rules of another, beside whatever it has."""
    rows = list(original.rules.all())
    for row in rows:
        row.pk, row.portfolio = None, portfolio
    PositionRule.objects.bulk_create(rows)


def _row(portfolio: Portfolio, aim: Aim, rule: Rule) -> PositionRule:
    about = {"asset": aim} if isinstance(aim, Asset) else {"category": aim}
    return PositionRule(
        portfolio=portfolio,
        band=rule.band,
        relative_band=rule.relative_band,
        trading=rule.trading,
        **about,
    )
