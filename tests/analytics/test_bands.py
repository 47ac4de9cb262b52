"""Bands of single positions and categories, and what may not be traded, through a whole night."""

from decimal import Decimal

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from analytics.models import PortfolioResult, Suggestion
from analytics.selectors import portfolio_pages
from analytics.selectors import positions as positions_selector
from analytics.services import measurements, nights, recomputation, tolerances
from portfolios.models import PositionRule
from portfolios.services import portfolios, rules
from portfolios.services.errors import ConflictError, RulesError
from portfolios.services.rules import Rule
from tests.factories import AssetFactory, PortfolioFactory

Trading = PositionRule.Trading
HALVES = {"BTC": "0.5", "SOL": "0.5"}
pytestmark = pytest.mark.django_db(transaction=True)


def result_of(portfolio) -> PortfolioResult:
    return PortfolioResult.objects.get(portfolio=portfolio, revision=portfolio.revision)


def amounts_of(portfolio) -> dict[int, float]:
    suggestion = Suggestion.objects.get(portfolio=portfolio, revision=portfolio.revision)
    return dict(zip(suggestion.asset_ids, suggestion.amounts, strict=True))


def reading_of(portfolio) -> portfolio_pages.Reading:
    reading = portfolio_pages.read(portfolio, run=portfolio_pages.current_run())
    assert reading is not None
    return reading


def test_the_relative_band_is_narrower_for_small_positions_and_the_range_is_printed(hold, as_of):
    small = {"BTC": "0.9", "SOL": "0.1"}
    narrow = hold({"BTC": 87, "SOL": 13}, small, relative_band="0.25")
    plain = hold({"BTC": 87, "SOL": 13}, small)
    nights.run_to_end(as_of=as_of)
    assert result_of(plain).status == "in_balance"
    result = result_of(narrow)
    assert (result.status, result.band) == ("in_breach", pytest.approx(0.025))
    ranges = {p.name: (round(p.low, 9), round(p.high, 9)) for p in reading_of(narrow).positions}
    assert ranges == {"BTC": (0.85, 0.95), "SOL": (0.075, 0.125)}
    assert [each.name for each in reading_of(narrow).breaches] == ["SOL"]


def test_a_position_with_a_band_of_its_own_is_judged_by_it(hold, coins, as_of):
    patient = hold({"BTC": 58, "SOL": 42}, HALVES)
    wide = {coins["BTC"]: Rule(band=Decimal("0.1")), coins["SOL"]: Rule(band=Decimal("0.09"))}
    rules.replace(portfolio=patient, rules=wide, expected_revision=None)
    strict = hold({"BTC": 52, "SOL": 48}, HALVES)
    rules.replace(
        portfolio=strict, rules={coins["SOL"]: Rule(band=Decimal("0.01"))}, expected_revision=None
    )
    nights.run_to_end(as_of=as_of)
    assert result_of(patient).status == "in_balance"
    assert (result_of(patient).worst_drift, result_of(patient).band) == (
        pytest.approx(0.08),
        pytest.approx(0.09),
    )
    assert result_of(strict).status == "in_breach"
    assert [each.name for each in reading_of(strict).breaches] == ["SOL"]


def test_a_category_s_band_judges_all_that_it_holds_together(hold, coins, as_of):
    """Each coin is 4 points over, inside its band; together they are 8, outside theirs."""
    portfolio = hold(
        {"BTC": 34, "SOL": 34, "USD": 3200}, {"BTC": "0.3", "SOL": "0.3", "USD": "0.4"},
        tolerance_band="0.09",
    )  # fmt: skip
    rules.replace(
        portfolio=portfolio,
        rules={coins["BTC"].category: Rule(band=Decimal("0.06"))},
        expected_revision=None,
    )
    nights.run_to_end(as_of=as_of)
    result = result_of(portfolio)
    assert (result.status, result.worst_drift) == ("in_breach", pytest.approx(0.08))
    [breach] = reading_of(portfolio).breaches
    assert (breach.name, round(breach.low, 9), round(breach.high, 9)) == (
        "Smart Contract L1s",
        0.54,
        0.66,
    )


def test_high_volatility_widens_every_band_in_the_same_proportion(hold, coins, as_of):
    portfolio = hold({"BTC": 5, "SOL": 5}, HALVES, tolerance_band="0.04", wide_band="0.10")
    rules.replace(
        portfolio=portfolio,
        rules={
            coins["BTC"]: Rule(band=Decimal("0.02")),
            coins["BTC"].category: Rule(relative_band=Decimal("0.02")),
        },
        relative_band=Decimal("0.06"),
        expected_revision=None,
    )
    batch = positions_selector.read(first_id=portfolio.pk, last_id=portfolio.pk, as_of=as_of)
    widths = {}
    for stormy in (False, True):
        tolerated = tolerances.measure(
            batch,
            np.full((1, 2), 0.5),
            resolved(batch),
            judged=np.array([True]),
            high_volatility=stormy,
        )
        widths[stormy] = tolerated.half_widths[0]
    assert widths[False] == pytest.approx([0.02, 0.03, 0.02])
    assert widths[True] == pytest.approx(widths[False] * 2.5)


def resolved(batch):

    return measurements.resolve_targets(batch, batch.quantities * 100)


def test_what_is_never_sold_or_left_alone_is_not(hold, coins, as_of):
    targets = {"BTC": "0.4", "SOL": "0.3", "USD": "0.3"}
    portfolio = hold({"BTC": 6, "SOL": 3, "USD": 100}, targets)
    rules.replace(
        portfolio=portfolio,
        rules={coins["BTC"]: Rule(trading=Trading.NEVER_SOLD)},
        expected_revision=None,
    )
    still = hold({"BTC": 6, "SOL": 3, "USD": 100}, targets)
    rules.replace(
        portfolio=still,
        rules={coins["SOL"]: Rule(trading=Trading.LEFT_ALONE)},
        expected_revision=None,
    )
    free = hold({"BTC": 6, "SOL": 3, "USD": 100}, targets)
    nights.run_to_end(as_of=as_of)
    assert coins["BTC"].pk not in amounts_of(portfolio)
    assert coins["SOL"].pk not in amounts_of(still)
    assert amounts_of(free)[coins["BTC"].pk] < 0
    # The rest returns to the proportions of its targets: SOL and USD are wanted one to one.
    after = {"SOL": 300, "USD": 100}
    for symbol in after:
        after[symbol] += amounts_of(portfolio)[coins[symbol].pk]
    assert after["SOL"] == pytest.approx(after["USD"])


def test_one_batch_with_and_without_rules_gives_the_rows_of_each_alone(hold, coins, as_of):
    made = [hold({"BTC": 50 + n, "SOL": 50 - n}, HALVES) for n in range(6)]
    for portfolio in made[::2]:
        rules.replace(
            portfolio=portfolio,
            rules={
                coins["BTC"]: Rule(band=Decimal("0.03")),
                coins["BTC"].category: Rule(band=Decimal("0.2")),
            },
            expected_revision=None,
        )
    nights.run_to_end(as_of=as_of)
    # Matrix products differ by a rounding with the size of a batch.
    exact = PortfolioResult.objects.order_by("portfolio_id")
    fields = ["status", "band", "worst_drift", "weights", "target_weights", "half_widths",
              "category_ids", "category_half_widths"]  # fmt: skip
    together = list(exact.values(*fields))
    for portfolio in made:
        recomputation.recompute(portfolio_id=portfolio.pk)
    assert list(exact.values(*fields)) == together
    assert [len(row["half_widths"]) for row in together] == [2, 0] * 3
    assert [row["status"] for row in together][4:] == ["in_breach", "in_balance"]


def test_rules_of_what_is_no_longer_there_hinder_nobody(hold, coins, as_of):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    gone = AssetFactory(symbol="GONE")
    rules.replace(
        portfolio=portfolio, rules={gone: Rule(band=Decimal("0.01"))}, expected_revision=None
    )
    nights.run_to_end(as_of=as_of)
    assert result_of(portfolio).status == "in_breach"


def test_rules_are_copied_kept_when_targets_change_and_never_overwritten_unseen(hold, coins):
    portfolio = hold({"BTC": 1}, {"BTC": "1"})
    said = {coins["BTC"]: Rule(band=Decimal("0.02"), trading=Trading.NEVER_SOLD)}
    rules.replace(
        portfolio=portfolio, rules=said, relative_band=Decimal("0.25"), expected_revision=1
    )
    copy = portfolios.clone(portfolio=portfolio)
    assert (copy.relative_band, copy.rules.get().band) == (Decimal("0.25"), Decimal("0.02"))
    with pytest.raises(ConflictError):
        rules.replace(portfolio=portfolio, rules={}, expected_revision=1)
    assert portfolio.rules.count() == 1


@pytest.mark.parametrize("band", ["0", "-0.1", "1", "NaN"])
def test_a_band_that_is_no_fraction_is_refused(coins, hold, band):
    with pytest.raises(RulesError, match="must be above 0 %"):
        rules.replace(
            portfolio=hold({}, {}),
            rules={coins["BTC"]: Rule(band=Decimal(band))},
            expected_revision=None,
        )


def test_the_form_shows_what_is_saved_and_refuses_what_is_not_a_band(hold, coins):
    portfolio = hold({"BTC": 1}, {"SOL": "1"})
    client = Client()
    client.force_login(portfolio.owner)
    address = reverse("portfolios:rules", args=[portfolio.pk])
    bitcoin = coins["BTC"].pk
    typed = {
        "revision": portfolio.revision,
        "relative_band": "25",
        "order_type": "taker",
        "cadence": "bands",
        "long_term_days": "365",
        "risk_aversion": "3",
        f"band-weight-{bitcoin}": "3.5",
        f"trading-weight-{bitcoin}": "1",
        f"band-category-{coins['BTC'].category_id}": "12",
    }
    assert client.post(address, typed | {"relative_band": "x"}).status_code == 422
    assert client.post(address, typed | {f"band-weight-{bitcoin}": "100"}).status_code == 422
    assert client.post(address, typed | {f"trading-weight-{bitcoin}": "7"}).status_code == 422
    assert not portfolio.rules.exists()
    assert client.post(address, typed).status_code == 302
    saved = {rule.aim: (rule.band, rule.trading) for rule in portfolio.rules.all()}
    assert saved == {
        coins["BTC"]: (Decimal("0.035"), Trading.NEVER_SOLD),
        coins["BTC"].category: (Decimal("0.12"), Trading.FREE),
    }
    page = client.get(address).text
    assert 'value="3.5"' in page
    assert '<option value="1" selected>Never sell</option>' in page
    stale = client.post(address, typed)
    assert stale.status_code == 422
    assert "changed in another tab" in stale.text


def test_an_empty_portfolio_has_a_page_of_rules_too(db):
    portfolio = PortfolioFactory()
    client = Client()
    client.force_login(portfolio.owner)
    assert "first" in client.get(reverse("portfolios:rules", args=[portfolio.pk])).text
