"""What counts, through a whole night and the pages: dry powder, a reserve, forms of a coin."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from analytics.models import PortfolioResult, Suggestion
from analytics.selectors import benches, checklist, compositions, portfolio_pages
from analytics.services import nights
from portfolios.models import Portfolio, PositionRule
from portfolios.models.portfolios import MoneyRole
from portfolios.selectors import portfolios as portfolio_selectors
from portfolios.services import portfolio_files, portfolio_restores, portfolios, roles, targets
from portfolios.services.errors import RolesError
from tests.analytics.conftest import quote
from tests.factories import AssetFactory

HALVES = {"BTC": "0.5", "SOL": "0.5"}
pytestmark = pytest.mark.django_db(transaction=True)


def choose(portfolio, **chosen) -> None:
    roles.choose(
        portfolio=portfolio,
        expected_revision=None,
        **{
            "money_role": MoneyRole.POSITION,
            "reserve_amount": None,
            "groups_forms": False,
            "set_aside": None,
        }
        | chosen,
    )
    portfolio.refresh_from_db()


def weights_of(portfolio) -> dict[str, float]:
    reading = portfolio_pages.read(portfolio, run=portfolio_pages.current_run())
    return {position.name: position.weight for position in reading.positions}


def result_of(portfolio) -> PortfolioResult:
    return PortfolioResult.objects.get(portfolio=portfolio, revision=portfolio.revision)


def test_dry_powder_is_outside_everywhere(hold, coins, as_of):
    """Half of it is cash; yet Bitcoin and Solana have half each, and nothing is to be done."""
    portfolio = hold({"BTC": 5, "SOL": 5, "USD": 1000}, HALVES)
    plain = hold({"BTC": 5, "SOL": 5}, HALVES)
    choose(portfolio, money_role=MoneyRole.DRY_POWDER)
    nights.run_to_end(as_of=as_of)
    result, beside = result_of(portfolio), result_of(plain)
    assert (result.status, result.value, result.outside_value) == ("in_balance", 1000, 1000)
    assert beside.outside_value == 0
    for field in ("asset_ids", "values", "weights", "volatility", "risk_contributions", "value_7d"):
        assert getattr(result, field) == getattr(beside, field)
    reading = portfolio_pages.read(portfolio, run=portfolio_pages.current_run())
    line = next(
        each
        for each in checklist.judge(compositions.read(portfolio, reading))
        if each.key == "stables"
    )
    assert (line.passed, line.measured) == (None, "outside the weights")
    bench = benches.read(
        portfolio, portfolio_selectors.aims(portfolio), run=portfolio_pages.current_run()
    )
    assert bench.held_by_aim.tolist() == [0.5, 0.5]
    page = Client()
    page.force_login(portfolio.owner)
    for name in ("portfolio-result", "rebalance", "allocation"):
        shown = page.get(reverse(f"analytics:{name}", args=[portfolio.pk])).content.decode()
        assert "1,000.00 USD outside the weights" in " ".join(shown.split())
    listed = page.get(reverse("analytics:portfolio-list")).content.decode()
    assert "and 1,000.00 not counted" in listed
    told = page.get(f"/api/v1/portfolios/{portfolio.pk}/risk/").json()
    assert (told["value"], told["outside_value"]) == (1000, 1000)


def test_money_cannot_be_dry_powder_and_have_a_target(hold, coins):
    portfolio = hold({"BTC": 5, "USD": 1000}, {"BTC": "0.9", "USD": "0.1"})
    with pytest.raises(RolesError, match=r"USD has a target of 10.00 %"):
        choose(portfolio, money_role=MoneyRole.DRY_POWDER)
    assert Portfolio.objects.get(pk=portfolio.pk).money_role == MoneyRole.POSITION
    targets.replace(portfolio=portfolio, weights={coins["BTC"]: Decimal(1)}, expected_revision=None)
    choose(portfolio, money_role=MoneyRole.DRY_POWDER)
    for aim in (coins["USD"], coins["USD"].category):
        weights = {coins["BTC"]: Decimal("0.9"), aim: Decimal("0.1")}
        with pytest.raises(RolesError, match="dry powder"):
            targets.replace(portfolio=portfolio, weights=weights, expected_revision=None)
    assert portfolio.target_weights.get().weight == 1


def test_a_reserve_is_left_out_of_the_money_and_never_traded(hold, coins, as_of):
    portfolio = hold({"BTC": 5, "USD": 800}, {"BTC": "0.5", "USD": "0.5"})
    choose(portfolio, reserve_amount=Decimal(300))
    nights.run_to_end(as_of=as_of)
    assert result_of(portfolio).outside_value == pytest.approx(300)
    assert weights_of(portfolio) == pytest.approx({"BTC": 0.5, "USD": 0.5})
    choose(portfolio, reserve_amount=Decimal(800))
    nights.run_to_end(as_of=as_of.replace(month=7, day=1))
    assert weights_of(portfolio) == pytest.approx({"BTC": 1, "USD": 0})
    suggestion = Suggestion.objects.get(portfolio=portfolio, revision=portfolio.revision)
    amounts = dict(zip(suggestion.asset_ids, suggestion.amounts, strict=True))
    assert amounts[coins["BTC"].pk] == pytest.approx(-250, rel=0.01)
    assert amounts[coins["USD"].pk] > 0


def test_a_holding_set_aside_is_neither_counted_nor_wanted(hold, coins, as_of):
    portfolio = hold({"BTC": 5, "SOL": 5, "UNI": 90}, HALVES)
    PositionRule.objects.create(portfolio=portfolio, asset=coins["UNI"], band="0.02")
    choose(portfolio, set_aside=[coins["UNI"]])
    nights.run_to_end(as_of=as_of)
    result = result_of(portfolio)
    assert (result.status, result.outside_value) == ("in_balance", 9000)
    assert coins["UNI"].pk not in result.asset_ids
    with pytest.raises(RolesError, match="SOL has a target"):
        choose(portfolio, set_aside=[coins["SOL"]])
    choose(portfolio, set_aside=[])
    assert portfolio.rules.get().trading == PositionRule.Trading.FREE  # its band stays


@pytest.fixture
def staked(coins, quotes, as_of):
    """A form of Solana that costs a tenth less, on every day."""
    lines = (quotes / "SOL.csv").read_text().splitlines()[1:]
    closes = {type(as_of).fromisoformat(r.split(",")[0]): float(r.split(",")[1]) for r in lines}
    quote(quotes, "STSOL", {day: close * 0.9 for day, close in closes.items()})
    coins["STSOL"] = AssetFactory(
        coingecko_id="staked-sol", symbol="STSOL", kind="wrapped", form_of=coins["SOL"]
    )
    return coins["STSOL"]


def test_a_form_is_counted_as_its_coin_where_that_is_chosen(hold, coins, staked, as_of):
    grouped = hold({"BTC": 5, "STSOL": 5}, HALVES)
    choose(grouped, groups_forms=True)
    apart = hold({"BTC": 5, "STSOL": 5}, HALVES)
    nights.run_to_end(as_of=as_of)
    assert result_of(grouped).status == "in_balance"
    assert weights_of(grouped) == pytest.approx({"BTC": 500 / 950, "SOL": 450 / 950})
    assert result_of(apart).status == "in_breach"
    assert set(weights_of(apart)) == {"BTC", "STSOL", "SOL"}
    shares = dict(zip(result_of(grouped).asset_ids, result_of(grouped).weights, strict=True))
    assert set(shares) == {coins["BTC"].pk, coins["SOL"].pk}
    assert result_of(grouped).value_1d == pytest.approx(result_of(apart).value_1d)
    run = portfolio_pages.current_run()
    bench = benches.read(grouped, portfolio_selectors.aims(grouped), run=run)
    assert bench.held_by_aim == pytest.approx([500 / 950, 450 / 950])
    weights = {coins["BTC"]: Decimal("0.5"), staked: Decimal("0.5")}
    with pytest.raises(RolesError, match="STSOL is counted as the coin"):
        targets.replace(portfolio=grouped, weights=weights, expected_revision=None)


def test_the_page_says_how_a_form_s_price_differs(hold, coins, staked, as_of):
    portfolio = hold({"STSOL": 5, "USD": 10}, {})
    nights.run_to_end(as_of=as_of)
    page = Client()
    page.force_login(portfolio.owner)
    address = reverse("portfolios:roles", args=[portfolio.pk])
    assert page.get(address).content.decode().count("0.9000") == 3
    typed = {"revision": 1, "money_role": "dry_powder", "reserve_amount": "20", "groups_forms": 1}
    assert page.post(address, typed).status_code == 302
    portfolio.refresh_from_db()
    chosen = (portfolio.money_role, portfolio.reserve_amount, portfolio.groups_forms)
    assert chosen == ("dry_powder", 20, True)
    assert "less than the reserve" in page.get(address).content.decode()
    stale = page.post(address, typed)
    assert (stale.status_code, b"another tab" in stale.content) == (422, True)


def test_a_copy_and_a_file_count_the_same(hold, coins, as_of, settings):
    portfolio = hold({"BTC": 5, "UNI": 1}, {"BTC": "1"})
    choose(
        portfolio,
        money_role=MoneyRole.DRY_POWDER,
        reserve_amount=Decimal("12.5"),
        groups_forms=True,
        set_aside=[coins["UNI"]],
    )
    portfolio.refresh_from_db()
    text = "".join(portfolio_files.as_json(portfolio))
    now = portfolio.created_at
    again = portfolio_restores.restore(owner=portfolio.owner, text=text, now=now)
    for other in (portfolios.clone(portfolio=portfolio), again):
        other.refresh_from_db()
        for name in roles.FIELDS:
            assert getattr(other, name) == getattr(portfolio, name)
        rule = other.rules.get()
        assert (rule.asset, rule.trading) == (coins["UNI"], PositionRule.Trading.SET_ASIDE)
