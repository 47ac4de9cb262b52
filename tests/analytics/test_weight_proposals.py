"""Proposals: within every bound after rounding, one in all, each with its reason."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.core import risk
from analytics.selectors.asset_universes import Universe
from analytics.selectors.benches import Bench
from analytics.services import weight_bounds, weight_limits, weight_proposals
from analytics.services.weight_bounds import NoProposal
from analytics.services.weight_proposals import Kind
from portfolios.models import Asset, AssetCategory, RiskProfile

CATEGORIES = {
    "store-of-value": ("0.3", "0.5", "lower"),
    "smart-contract-l1": ("0.15", "0.25", "medium"),
    "defi": ("0.05", "0.15", "higher"),
    "infrastructure": ("0.05", "0.1", "medium"),
    "meme": (None, None, "higher"),
    "stablecoins": ("0.1", "0.2", "very_low"),
}
PROFILES = {
    "conservative": ("0.6", "0.7", "0.6", "0.3"),
    "moderate": ("0.45", "0.55", "0.45", "0.25"),
    "aggressive": ("0.3", "0.4", "0.3", "0.2"),
}
BOUNDED = [kind for kind in Kind if kind != Kind.EQUAL_WEIGHTS]


def profile(name: str) -> RiskProfile:
    low, high, bitcoin, ether = map(Decimal, PROFILES[name])
    return RiskProfile(
        name=name.title(), core_min=low, core_max=high, bitcoin_cap=bitcoin, ether_cap=ether,
        other_cap=Decimal("0.1"), max_drawdown=Decimal("0.35"),
    )  # fmt: skip


def asset(pk: int, category: str, key: str | None = None) -> Asset:
    low, high, level = CATEGORIES[category]
    place = list(CATEGORIES).index(category) + 1
    of = AssetCategory(
        pk=place, slug=category, name=category, colour=place, risk_level=level,
        recommended_min=low and Decimal(low), recommended_max=high and Decimal(high),
    )  # fmt: skip
    kind = Asset.Kind.STABLECOIN if category == "stablecoins" else Asset.Kind.COIN
    return Asset(
        pk=pk, coingecko_id=key or f"coin-{pk}", symbol=f"C{pk}", category=of, kind=kind,
        cap_rank=pk,
    )  # fmt: skip


def coins(extra: int = 6) -> list[Asset]:
    """Bitcoin, Ether, a stablecoin, and others in turn of the other categories."""
    others = ["smart-contract-l1", "defi", "infrastructure", "meme"]
    return [
        asset(1, "store-of-value", "bitcoin"),
        asset(2, "smart-contract-l1", "ethereum"),
        *(asset(3 + n, others[n % 4]) for n in range(extra)),
        asset(50, "stablecoins"),
    ]


def bench(assets: list[Asset], seed: int = 1, young: tuple[int, ...] = ()) -> Bench:
    n = len(assets)
    returns = np.random.default_rng(seed).standard_t(5, (365, n)) * 0.03
    returns += np.random.default_rng(seed + 1).standard_t(5, (365, 1)) * 0.02
    returns[:, [a.kind == Asset.Kind.STABLECOIN for a in assets]] *= 0.01
    known = np.array([a.pk not in young for a in assets])
    covariance = np.cov(returns.T) * np.outer(known, known)
    universe = Universe(
        as_of=date(2024, 6, 30),
        asset_ids=np.array([a.pk for a in assets]),
        closes=np.ones(n),
        measured=known,
        covariance=covariance,
        days=np.arange(365) + np.datetime64("2023-07-02"),
        returns=returns * known,
        first_days=np.full(n, np.datetime64("2023-07-02")),
        optimisable=known,
        shrunk=covariance,
    )
    return Bench(assets, assets, universe, np.eye(n), np.ones(n))


def evenly(assets: list[Asset]) -> dict[Asset, Decimal]:
    return dict.fromkeys(assets, Decimal(1) / len(assets))


def check(assets: list[Asset], who: RiskProfile, weights: dict[Asset, Decimal]) -> None:
    """Exactly: in decimals, as they would be saved."""
    assert sum(weights.values()) == 1
    core = sum(weights.get(a, Decimal(0)) for a in assets[:2])
    assert who.core_min <= core <= who.core_max
    for each in assets:
        assert 0 <= weights.get(each, 0) <= weight_limits.cap(who, each)
        assert weights.get(each, Decimal(0)).as_tuple().exponent >= -4
    for category in {a.category for a in assets[2:]}:
        total = sum(weights.get(a, Decimal(0)) for a in assets[2:] if a.category == category)
        limit = weight_limits.of_category(category, assets)
        assert limit.low <= total <= limit.high, category


@pytest.mark.parametrize("kind", BOUNDED)
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), name=st.sampled_from(list(PROFILES)), extra=st.integers(8, 14))
def test_a_proposal_keeps_every_bound_exactly(kind, seed, name, extra):
    assets = coins(extra)
    made = weight_proposals.propose(
        kind, bench(assets, seed), profile=profile(name), weights=evenly(assets)
    )
    assert not made.refusal
    check(assets, profile(name), made.weights)
    assert set(made.reasons) == set(assets)
    assert all(reason.strip() for reason in made.reasons.values())


def test_equal_risk_without_bounds_shares_the_risk_equally():
    assets = [asset(3, "meme"), asset(4, "defi"), asset(5, "infrastructure"), asset(6, "meme")]
    for each in assets:  # nothing is bound
        each.category.recommended_min, each.category.recommended_max = Decimal(0), Decimal(1)
    on = bench(assets)
    made = weight_proposals.propose(Kind.EQUAL_RISK, on, profile=None, weights=evenly(assets))
    weights = np.array([[float(made.weights[a]) for a in assets]])
    found = risk.contributions(weights, on.covariance)
    assert found.contributions[0] / found.volatility[0] == pytest.approx(0.25, abs=2e-4)


def test_the_calmest_proposal_is_calmer_than_all_others():
    assets, who = coins(10), profile("moderate")
    on = bench(assets)
    volatility = {}
    for kind in BOUNDED:
        made = weight_proposals.propose(kind, on, profile=who, weights=evenly(assets))
        weights = np.array([[float(made.weights.get(a, 0)) for a in assets]])
        volatility[kind] = risk.contributions(weights, on.covariance).volatility[0]
    assert min(volatility, key=volatility.get) == Kind.MINIMUM_VOLATILITY


def test_what_has_too_little_history_keeps_its_weight_and_says_so():
    assets, who = coins(10), profile("moderate")
    wished = evenly(assets) | {assets[2]: Decimal("0.03")}
    total = sum(wished.values())
    on = bench(assets, young=(3,))
    made = weight_proposals.propose(Kind.EQUAL_RISK, on, profile=who, weights=wished)
    assert made.weights[assets[2]] == round(Decimal("0.03") / total, 4)
    assert made.reasons[assets[2]].startswith("Kept as it stands")
    assert sum(made.weights.values()) == 1


def test_a_core_that_cannot_reach_its_least_is_explained_by_the_cap():
    assets = [asset(2, "smart-contract-l1", "ethereum"), *coins(10)[2:]]
    made = weight_proposals.propose(
        Kind.EQUAL_RISK, bench(assets), profile=profile("moderate"), weights=evenly(assets)
    )
    assert made.refusal == (
        "The moderate profile's core needs at least 45 %, but its rows may have at most 25 %: "
        "C2 25 %. Add another asset of it."
    )


def test_too_few_categories_to_make_a_whole_are_explained_by_their_most():
    assets = [coins()[0], coins()[1], coins()[-1]]
    made = weight_proposals.propose(
        Kind.MINIMUM_VOLATILITY, bench(assets), profile=profile("moderate"), weights=evenly(assets)
    )
    assert made.refusal == (
        "At their most, the rows make 75 % together: the moderate profile's core 55 %, "
        "stablecoins 20 %. Add assets of other categories."
    )


def test_a_bound_that_holds_a_weight_is_its_reason():
    assets, who = coins(10), profile("moderate")
    made = weight_proposals.propose(
        Kind.HIERARCHICAL, bench(assets), profile=who, weights=evenly(assets)
    )
    for each, weight in made.weights.items():
        if weight == weight_limits.cap(who, each):
            assert "At its cap of" in made.reasons[each]
    core = made.weights[assets[0]] + made.weights[assets[1]]
    if core == who.core_min:
        assert "is at its least, 45 %" in made.reasons[assets[0]]


def test_equal_weights_are_one_part_each():
    assets = coins()
    made = weight_proposals.propose(
        Kind.EQUAL_WEIGHTS, bench(assets), profile=None, weights=evenly(assets)
    )
    assert sum(made.weights.values()) == 1
    assert max(made.weights.values()) - min(made.weights.values()) <= Decimal("0.0001")


def test_nothing_to_share_out_among_is_told():
    with pytest.raises(NoProposal, match="at least one row"):
        weight_bounds.frame(bench(coins()), None, {})
    made = weight_proposals.propose(Kind.EQUAL_WEIGHTS, bench(coins()), profile=None, weights={})
    assert "at least one row" in made.refusal


def test_budgets_of_ones_own_are_what_each_category_carries_where_no_bound_is_in_the_way():
    """Without ranges the parts of the risk are the budgets, to the last step of a weight."""
    assets = [asset(n, of) for n, of in enumerate(("meme", "meme", "defi", "infrastructure"), 1)]
    for each in assets:
        each.category.recommended_min, each.category.recommended_max = Decimal(0), Decimal(1)
    made = bench(assets)
    weights = dict.fromkeys(assets, Decimal("0.25"))
    keys = {str(each.category.pk): each.category.slug for each in assets}
    told = {"meme": Decimal("0.5"), "defi": Decimal("0.3"), "infrastructure": Decimal("0.2")}
    budgets = {key: told[slug] for key, slug in keys.items()}
    found = weight_proposals.propose(
        Kind.RISK_BUDGETS, made, profile=None, weights=weights, budgets=budgets
    )
    exact = np.array([[float(found.weights[each]) for each in assets]])
    contributions = risk.contributions(exact, made.shrunk)
    carried = contributions.contributions[0] / contributions.volatility[0]
    assert carried == pytest.approx([0.25, 0.25, 0.3, 0.2], abs=5e-4)
    twice = {key: 2 * budget for key, budget in budgets.items()}  # only proportions count
    again = weight_proposals.propose(
        Kind.RISK_BUDGETS, made, profile=None, weights=weights, budgets=twice
    )
    assert again.weights == found.weights
    assert found.reasons[assets[2]].startswith("A budget of 30.0 % of the risk.")


def test_a_budget_that_its_range_cannot_carry_is_explained():
    assets = coins()
    made, weights = bench(assets), {each: Decimal(1) / len(assets) for each in assets}
    groups = dict(weight_proposals.risky_groups(made, profile=profile("moderate"), weights=weights))
    defi = next(key for key, group in groups.items() if group.name == "defi")
    found = weight_proposals.propose(
        Kind.RISK_BUDGETS, made, profile=profile("moderate"), weights=weights,
        budgets={defi: Decimal("0.9")},
    )  # fmt: skip
    reason = next(words for aim, words in found.reasons.items() if aim.category.slug == "defi")
    assert "Inside the bounds it carries" in reason
    assert "Held back: defi is at its most, 15 %." in reason
    assert sum(found.weights.values()) == 1
