"""What a review finds: each kind just beyond its edge, and not at it; what it proposes to try."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.models import BreachEpisode, ClusterDay
from analytics.selectors import findings, mistakes, portfolio_pages, reviews
from analytics.selectors.findings import Cluster, Market, Severity
from analytics.selectors.mistakes import Buy
from analytics.services import nights
from portfolios.models import DailyPrice
from tests.analytics.test_checklist import (
    DEFI,
    HAIR,
    SOUND,
    STABLE,
    part,
    with_fields,
    with_parts,
)
from tests.factories import AssetFactory, DailyPriceFactory, TransactionFactory

DAI = part("DAI", 0.0, STABLE).asset
PKS = {each.asset.symbol: each.asset.pk for each in SOUND.parts}
CALM = replace(
    SOUND,
    parts=[
        replace(each, weight=0.10 if each.asset.symbol == "USDC" else each.weight)
        for each in SOUND.parts
    ],
)


QUIET = Market()


def kinds(composition, market=QUIET) -> list[str]:
    return [finding.key for finding in findings.find(composition, market)]


def weights(finding) -> dict[int, float]:
    """What the workbench is asked to try."""
    pairs = finding.query.removeprefix("weights=").split(",")
    return {int(pk): float(weight) for pk, _, weight in (pair.partition(":") for pair in pairs)}


def test_nothing_is_found_where_nothing_is_wrong():
    assert kinds(CALM) == []


@pytest.mark.parametrize(
    ("key", "at_the_edge", "beyond"),
    [
        ("risk", with_fields("BTC", share_of_risk=1 / 3),
         with_fields("BTC", share_of_risk=1 / 3 + HAIR)),
        ("oversized", with_parts(LINK=0.10), with_parts(LINK=0.10 + HAIR)),
        ("missing", SOUND, with_parts(ARB=0)),
        ("correlation", replace(SOUND, average_correlation=0.75),
         replace(SOUND, average_correlation=0.75 + HAIR)),
        ("issuer", with_parts(USDC=0.10), with_parts(USDC=0.10 + HAIR)),
    ],
)  # fmt: skip
def test_a_finding_begins_a_hair_beyond_its_edge(key, at_the_edge, beyond):
    assert key not in kinds(at_the_edge)
    found = next(
        each for each in findings.find(beyond, Market(other_stable=DAI)) if each.key == key
    )
    assert found.evidence
    assert found.severity in Severity


def test_a_stable_cluster_of_two_held_coins_is_one_bet_and_of_one_is_none():
    pair = Cluster(frozenset({PKS["SOL"], PKS["AAVE"], 999}), 0.9)
    found = findings.find(CALM, Market(clusters=[pair]))
    assert [each.key for each in found] == ["cluster"]
    assert "SOL, AAVE" in found[0].title
    assert "90.0 % of resampled" in found[0].evidence
    assert kinds(CALM, Market(clusters=[Cluster(frozenset({PKS["SOL"], 999}), 0.9)])) == []


def test_a_peg_is_lost_on_two_readings_more_than_a_percent_off_and_not_on_one():
    def closes(*readings):
        return Market(pegs={PKS["USDC"]: readings}, other_stable=DAI)

    assert kinds(CALM, closes(0.9899, 0.9899)) == ["depegged"]
    assert kinds(CALM, closes(1.0101, 0.9899)) == ["depegged"]
    for held in ((0.9899, 0.9901), (0.9901, 0.9899), (0.99, 0.99), (0.5,)):
        assert kinds(CALM, closes(*held)) == []


def test_an_old_price_is_told_with_what_rests_on_it():
    found = findings.find(CALM, Market(stale=frozenset({PKS["ARB"]})))
    assert [each.key for each in found] == ["stale"]
    assert "5.0 % of the portfolio" in found[0].evidence


def test_the_gravest_comes_first():
    found = findings.find(
        replace(with_parts(SOL=0.3), average_correlation=0.9), Market(other_stable=DAI)
    )
    assert [each.severity for each in found] == sorted(
        (each.severity for each in found), reverse=True
    )


def test_weights_to_try_sum_to_one_and_do_what_is_said():
    total = sum(each.weight for each in SOUND.parts)
    heavy = with_parts(SOL=0.2)
    found = findings.find(heavy, Market(other_stable=DAI))
    by_key = {each.key: each for each in found}
    capped, split = weights(by_key["oversized"]), weights(by_key["issuer"])
    for asked in (capped, split):
        assert sum(asked.values()) == pytest.approx(1.0, abs=1e-9)
    assert total == pytest.approx(1.0)
    assert capped[PKS["SOL"]] == pytest.approx(0.10 / (total + 0.11), abs=1e-3)
    assert split[DAI.pk] == pytest.approx(split[PKS["USDC"]], abs=2e-4)
    leader = part("ARB2", 0.0, DEFI).asset
    missing = replace(with_parts(ARB=0), leaders={"l2-scaling": leader})
    added = next(e for e in findings.find(missing, Market()) if e.key == "missing")
    assert weights(added)[leader.pk] == pytest.approx(0.05 / 0.95, abs=1e-3)


# --- The five mistakes ----------------------------------------------------------------------------

AS_OF = date(2024, 6, 30)


@pytest.fixture
def climber(db):
    """A coin that gained a little each day, and twice as much a day in the last thirty."""
    asset = AssetFactory(symbol="UP")
    steps = np.where(np.arange(400) < 370, 0.001, 0.02)
    closes = 100 * np.cumprod(1 + steps)
    for n, close in enumerate(closes):
        DailyPriceFactory(asset=asset, date=AS_OF - timedelta(days=399 - n), close=float(close))
    return asset


def test_a_purchase_after_the_steepest_rise_of_its_year_is_chasing(climber):
    late = Buy(climber, AS_OF)
    early = Buy(climber, AS_OF - timedelta(days=100))
    assert mistakes.chasing([late], as_of=AS_OF).made is True
    assert "UP on 30 Jun 2024" in mistakes.chasing([late], as_of=AS_OF).evidence
    found = mistakes.chasing([late, early], as_of=AS_OF)
    assert found.evidence.startswith("1 of 2")
    assert mistakes.chasing([], as_of=AS_OF).made is False


def test_what_was_bought_before_it_had_a_history_is_not_judged(climber):
    newborn = Buy(climber, AS_OF - timedelta(days=350))
    assert mistakes.chasing([newborn], as_of=AS_OF).made is None


def test_three_of_one_cluster_ignore_correlation_and_two_do_not():
    three = Cluster(frozenset({PKS["SOL"], PKS["AAVE"], PKS["ARB"]}), 0.9)
    two = Cluster(frozenset({PKS["SOL"], PKS["AAVE"]}), 0.9)
    assert mistakes.ignoring_correlation(SOUND, [three]).made is True
    assert mistakes.ignoring_correlation(SOUND, [two]).made is False


def test_crumbs_and_too_many_positions_are_over_diversification():
    assert mistakes.over_diversification(SOUND).made is False
    crumbs = with_parts(AAVE=0.0149, ARB=0.015)
    assert mistakes.over_diversification(crumbs).made is True
    assert mistakes.over_diversification(with_parts(AAVE=0.015, ARB=0.015)).made is False
    many = [*SOUND.parts, *(part(f"M{n}", 0.1, DEFI) for n in range(8))]
    assert mistakes.over_diversification(replace(SOUND, parts=many)).made is True


def reviewed(portfolio, run):
    portfolio.refresh_from_db()
    return reviews.read(portfolio, portfolio_pages.read(portfolio, run=run))


def made(review) -> dict[str, bool | None]:
    return {each.key: each.made for each in review.mistakes}


@pytest.mark.django_db(transaction=True)
def test_mistakes_of_a_real_ledger_and_the_page_with_few_queries(hold, coins, as_of):
    long_ago = datetime.combine(as_of - timedelta(days=200), time(12), tzinfo=UTC)
    portfolio = hold({"BTC": 6, "SOL": 3}, {"BTC": "0.5", "SOL": "0.5"})
    portfolio.transactions.update(at=long_ago)
    run = nights.run_to_end(as_of=as_of)
    BreachEpisode.objects.all().delete()
    BreachEpisode.objects.create(portfolio=portfolio, opened_on=as_of - timedelta(days=90))
    review = reviewed(portfolio, run)
    assert made(review)["buffer"] is True  # no stablecoin on any of the last ninety days
    assert made(review)["rebalancing"] is True
    BreachEpisode.objects.update(opened_on=as_of - timedelta(days=89))
    assert made(reviewed(portfolio, run))["rebalancing"] is False

    day = as_of - timedelta(days=50)  # dollars, for seven weeks
    TransactionFactory(
        portfolio=portfolio, kind="deposit", at=datetime.combine(day, time(12), tzinfo=UTC),
        received_asset=coins["USD"], received_quantity=500,
    )  # fmt: skip
    day = as_of - timedelta(days=1)
    TransactionFactory(
        portfolio=portfolio, kind="withdrawal", at=datetime.combine(day, time(12), tzinfo=UTC),
        received_asset=None, received_quantity=None,
        sent_asset=coins["USD"], sent_quantity=500,
    )  # fmt: skip
    assert made(reviewed(portfolio, run))["buffer"] is False
    client = Client()
    client.force_login(portfolio.owner)
    with CaptureQueriesContext(connection) as captured:
        page = client.get(reverse("analytics:review", args=[portfolio.pk]))
    assert "Diversification checklist" in page.text
    assert "advice" not in page.text
    assert len(captured) <= 30


@pytest.mark.django_db
def test_only_stable_clusters_without_bitcoin_count():
    fields = {"as_of": AS_OF, "window": reviews.CLUSTER_WINDOW, "asset_ids": [1, 2, 3, 4, 5]}
    labels = {"labels": [0, 0, 1, 1, 2], "shares": [0.9, 0.9, 0.79, 0.79, 1.0]}
    ClusterDay.objects.create(without_bitcoin=True, **fields, **labels)
    ClusterDay.objects.create(without_bitcoin=False, **fields, **labels)
    assert reviews.hidden_clusters(as_of=AS_OF) == [Cluster(frozenset({1, 2}), 0.9)]


@pytest.mark.django_db
def test_the_two_newest_closes_tell_of_a_peg():
    asset = AssetFactory(kind="stablecoin")
    for n, close in enumerate((0.97, 0.98, 1.0)):
        DailyPriceFactory(asset=asset, date=AS_OF - timedelta(days=n), close=close)
    assert reviews._pegs(AS_OF, [asset.pk]) == {asset.pk: [0.97, 0.98]}
    assert DailyPrice.objects.count() == 3
