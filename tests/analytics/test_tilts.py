"""A temporary target for the market's regime: proposed, applied only when asked, and ended."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import event, given, settings
from hypothesis import strategies as st

from accounts.models import Notification
from analytics.models import PortfolioResult, RegimeDay
from analytics.services import nights, recomputation, tilt_proposals
from analytics.services.tilt_proposals import NoTilt
from portfolios.models import (
    Asset,
    AssetCategory,
    ModelPortfolio,
    Portfolio,
    StrategicWeight,
    Tilt,
    TokenMigration,
)
from portfolios.selectors import portfolios as selector
from portfolios.services import (
    catalogue,
    portfolio_files,
    portfolio_restores,
    portfolios,
    targets,
    tilts,
    token_moves,
)
from portfolios.services.errors import ConflictError, TiltError
from tests.factories import UserFactory

Label = RegimeDay.Label
TILTED = (Label.BULL, Label.BEAR, Label.HIGH_VOLATILITY, Label.ALTSEASON)

# --- What is proposed, for random targets ---------------------------------------------------------

# The catalogue's ranges, and two categories without any.
RANGES = {
    "store-of-value": ("0.3", "0.5"), "smart-contract-l1": ("0.15", "0.25"),
    "defi": ("0.05", "0.15"), "infrastructure": ("0.05", "0.1"), "l2-scaling": ("0.05", "0.1"),
    "stablecoins": ("0.1", "0.2"), "meme": (None, None), "cash": (None, None),
}  # fmt: skip
CATEGORIES = {
    slug: AssetCategory(
        pk=number, slug=slug, name=slug,
        recommended_min=low and Decimal(low), recommended_max=high and Decimal(high),
    )
    for number, (slug, (low, high)) in enumerate(RANGES.items(), start=1)
}  # fmt: skip
KINDS = {"stablecoins": Asset.Kind.STABLECOIN, "cash": Asset.Kind.CASH}


def asset(number: int, slug: str, rank: int) -> Asset:
    name = {1: "bitcoin", 2: "ethereum"}.get(rank, f"coin-{number}")
    kind = KINDS.get(slug, Asset.Kind.COIN)
    category = CATEGORIES[slug]
    return Asset(pk=number, coingecko_id=name, symbol=name, category=category, kind=kind,
                 cap_rank=rank)  # fmt: skip


ASSETS = [
    asset(number, slug, rank)
    for number, (slug, rank) in enumerate(
        [
            ("store-of-value", 1), ("store-of-value", 125), ("smart-contract-l1", 2),
            ("smart-contract-l1", 6), ("smart-contract-l1", 42), ("defi", 21), ("defi", 31),
            ("infrastructure", 14), ("infrastructure", 52), ("l2-scaling", 37), ("l2-scaling", 44),
            ("stablecoins", 8), ("stablecoins", 4), ("meme", 7), ("cash", 900),
        ],
        start=1,
    )
]  # fmt: skip


@st.composite
def wanted(draw) -> dict:
    """Targets of some assets, and of some categories as a whole, that sum to one exactly."""
    chosen = draw(st.lists(st.sampled_from(ASSETS), min_size=1, max_size=12, unique=True))
    whole = draw(st.lists(st.sampled_from(list(CATEGORIES.values())), max_size=2, unique=True))
    aims = [*whole, *(each for each in chosen if each.category not in whole)]
    parts = [draw(st.integers(1, 1000)) for _ in aims]
    if draw(st.booleans()):
        return targets.normalise(
            {aim: Decimal(part) for aim, part in zip(aims, parts, strict=True)}
        )
    unit = Decimal("0.000000001")
    weights = [(Decimal(part) / sum(parts)).quantize(unit, rounding="ROUND_DOWN") for part in parts]
    weights[0] += 1 - sum(weights)
    return dict(zip(aims, weights, strict=True))


@given(wanted(), st.sampled_from(TILTED))
@settings(max_examples=400, deadline=None)
def test_every_tilt_sums_to_one_exactly_inside_the_range_of_every_category(weights, label):
    targets.check_weights(weights)
    try:
        proposal = tilt_proposals.propose(label, weights)
    except NoTilt as reason:
        event(str(reason)[:30])
        return
    event("proposed")
    assert sum(proposal.weights.values()) == 1
    targets.check_weights(proposal.weights)
    assert proposal.weights.keys() == weights.keys()
    totals: dict[AssetCategory, Decimal] = {}
    for line in proposal.lines:
        totals[line.category] = totals.get(line.category, Decimal(0)) + line.tilted
    for category, total in totals.items():
        if category.recommended_max is not None:
            assert category.recommended_min <= total <= category.recommended_max, category.slug


@given(wanted(), st.sampled_from(TILTED))
@settings(max_examples=400, deadline=None)
def test_from_targets_inside_the_ranges_a_tilt_goes_the_article_s_way_and_not_far(weights, label):
    try:
        proposal = tilt_proposals.propose(label, weights)
    except NoTilt:
        return
    if proposal.outside:
        return
    sources, sinks, *_ = tilt_proposals.MOVES[label]
    assert 0 < proposal.moved <= tilt_proposals.STEP
    for line in proposal.lines:
        if sources(line.aim):
            assert line.strategic / 2 <= line.tilted <= line.strategic
        elif sinks(line.aim):
            assert line.tilted >= line.strategic
        else:
            assert line.tilted == line.strategic


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=12),
    st.floats(0, 1),
)
def test_spreading_is_exact_and_never_more_than_there_is_room_for(pairs, share):
    weights, room = zip(*pairs, strict=True)
    amount = int(sum(room) * share)
    given_ = tilt_proposals.spread(amount, weights, room)
    assert sum(given_) == amount
    assert all(0 <= part <= most for part, most in zip(given_, room, strict=True))


@pytest.mark.django_db
def test_of_the_article_s_models_those_tilt_whose_targets_its_own_ranges_leave_room():
    catalogue.load()
    tilted: dict[str, set[str]] = {}
    for model in ModelPortfolio.objects.all():
        closes = dict.fromkeys(Asset.objects.values_list("pk", flat=True), 1.0)
        weights = portfolios.fill_slots(model_portfolio=model, slots={}, closes=closes)
        tilted[model.slug] = set()
        for label in TILTED:
            try:
                proposal = tilt_proposals.propose(label, weights)
            except NoTilt:
                continue
            assert sum(proposal.weights.values()) == 1
            assert proposal.moved > 0
            tilted[model.slug].add(label)
    # Layer 1 with Ethereum is beyond the article's own range in all of them, and in the bolder ones
    # that leaves altcoins no room to grow.
    always = {Label.BEAR, Label.HIGH_VOLATILITY}
    assert tilted == {
        "conservative": {*TILTED}, "moderate": {*always, Label.BULL}, "aggressive": always,
    }  # fmt: skip


@given(wanted(), st.sampled_from(TILTED))
@settings(max_examples=200, deadline=None)
def test_whatever_the_targets_a_tilt_leads_to_more_of_what_the_article_asks_for(weights, label):
    try:
        proposal = tilt_proposals.propose(label, weights)
    except NoTilt:
        return
    _, sinks, *_ = tilt_proposals.MOVES[label]
    assert sum(line.change for line in proposal.lines if sinks(line.aim)) > 0


@pytest.mark.parametrize(
    ("label", "weights", "words"),
    [
        (Label.NEUTRAL, {ASSETS[0]: Decimal(1)}, "no adjustment"),
        (Label.BEAR, {}, "no targets"),
        (Label.BEAR, {ASSETS[0]: Decimal("0.6"), ASSETS[2]: Decimal("0.4")}, "room for 75 %"),
        (
            Label.BULL,
            {ASSETS[0]: Decimal("0.4"), ASSETS[13]: Decimal("0.6")},
            "stablecoins or cash",
        ),
    ],
)
def test_where_there_is_no_tilt_the_reason_is_told(label, weights, words):
    with pytest.raises(NoTilt, match=words):
        tilt_proposals.propose(label, weights)


# --- In force, and back ---------------------------------------------------------------------------

pages = pytest.mark.django_db(transaction=True)
OWN = {"BTC": Decimal("0.5"), "SOL": Decimal("0.3"), "USD": Decimal("0.2")}
BEAR = {"BTC": Decimal("0.53"), "SOL": Decimal("0.25"), "USD": Decimal("0.22")}


@pytest.fixture
def portfolio(hold, as_of) -> Portfolio:
    portfolio = hold({"BTC": 5, "SOL": 3, "USD": 200}, {k: str(v) for k, v in OWN.items()})
    nights.run_to_end(as_of=as_of)
    return portfolio


def in_force(portfolio: Portfolio) -> dict[str, Decimal]:
    return {row.aim.symbol: row.weight for row in selector.targets_in_force(portfolio)}


def own(portfolio: Portfolio) -> dict[str, Decimal]:
    return {row.aim.symbol: row.weight for row in selector.targets(portfolio)}


def tilt(portfolio: Portfolio, coins, *, ends_on: date, weights=BEAR) -> None:
    tilts.apply(
        portfolio=portfolio,
        weights={coins[symbol]: weight for symbol, weight in weights.items()},
        regime="bear market",
        ends_on=ends_on,
        expected_revision=None,
    )


@pages
def test_the_night_measures_against_it_while_it_lasts_and_ends_it_on_its_day(
    portfolio, coins, as_of
):
    tilt(portfolio, coins, ends_on=as_of + timedelta(days=2))
    assert (in_force(portfolio), own(portfolio)) == (BEAR, OWN)
    nights.run_to_end(as_of=as_of + timedelta(days=1))
    result = PortfolioResult.objects.get(portfolio=portfolio, run__is_current=True)
    assert sorted(result.target_weights) == sorted(map(float, BEAR.values()))
    assert in_force(portfolio) == BEAR
    nights.run_to_end(as_of=as_of + timedelta(days=2))
    assert (in_force(portfolio), own(portfolio)) == (OWN, OWN)
    result = PortfolioResult.objects.get(portfolio=portfolio, run__is_current=True)
    assert sorted(result.target_weights) == sorted(map(float, OWN.values()))
    portfolio.refresh_from_db()
    assert result.revision == portfolio.revision
    assert not Tilt.objects.exists()
    assert not StrategicWeight.objects.exists()
    told = Notification.objects.get(user=portfolio.owner, key__startswith="tilt-ended")
    assert "has ended" in told.subject
    assert tilts.expire(as_of=as_of + timedelta(days=2)) == 0


@pages
def test_versions_tell_the_strategic_the_temporary_and_the_return(portfolio, coins, as_of):
    tilt(portfolio, coins, ends_on=as_of + timedelta(days=30))
    tilts.end(portfolio=portfolio, expected_revision=portfolio.revision)
    told = [
        {line["name"]: Decimal(line["weight"]) for line in version.lines}
        for version in portfolio.target_versions.all()
    ]
    assert told == [OWN, BEAR, OWN]
    assert "bear market" in portfolio.target_versions.all()[1].name


@pages
def test_new_targets_are_the_strategic_ones_and_end_it(portfolio, coins, as_of):
    tilt(portfolio, coins, ends_on=as_of + timedelta(days=30))
    client = Client()
    client.force_login(portfolio.owner)
    address = reverse("portfolios:targets", args=[portfolio.pk])
    form = client.get(address).text
    assert "Saving them ends it now." in form
    assert 'value="30"' in form  # SOL's own target, not the temporary 25
    typed = {f"weight-{coins[s].pk}": v for s, v in (("BTC", "40"), ("SOL", "40"), ("USD", "20"))}
    assert client.post(address, {**typed, "revision": portfolio.revision}).status_code == 302
    assert in_force(portfolio) == own(portfolio) == {
        "BTC": Decimal("0.4"), "SOL": Decimal("0.4"), "USD": Decimal("0.2")
    }  # fmt: skip
    assert not Tilt.objects.exists()


@pages
def test_one_at_a_time_and_only_what_the_targets_name(portfolio, coins, as_of):
    soon = as_of + timedelta(days=9)
    with pytest.raises(TiltError, match="name what your targets name"):
        tilt(portfolio, coins, ends_on=soon, weights={"BTC": Decimal(1)})
    tilt(portfolio, coins, ends_on=soon)
    with pytest.raises(TiltError, match="already"):
        tilt(portfolio, coins, ends_on=soon)
    with pytest.raises(ConflictError):
        tilts.end(portfolio=portfolio, expected_revision=portfolio.revision - 1)
    assert (in_force(portfolio), own(portfolio)) == (BEAR, OWN)


@pages
def test_copies_and_files_carry_both_targets(portfolio, coins, as_of):
    tilt(portfolio, coins, ends_on=as_of + timedelta(days=30))
    copies = [portfolios.clone(portfolio=portfolio)]
    for write in (portfolio_files.as_csv, portfolio_files.as_json):
        text = "".join(write(portfolio))
        owner = UserFactory()
        copies.append(portfolio_restores.restore(owner=owner, text=text, now=timezone.now()))
        assert "".join(write(copies[-1])) == text
    for copy in copies:
        assert (in_force(copy), own(copy)) == (BEAR, OWN)
        assert copy.tilt.ends_on == as_of + timedelta(days=30)
        tilts.end(portfolio=copy, expected_revision=None)
        assert in_force(copy) == OWN
    assert in_force(portfolio) == BEAR


@pages
def test_a_token_that_replaces_another_moves_both_targets_and_back(portfolio, coins, as_of):
    tilt(portfolio, coins, ends_on=as_of + timedelta(days=30))
    migration = TokenMigration.objects.create(
        old_asset=coins["SOL"], new_asset=coins["UNI"], effective_on=as_of
    )
    for place in (token_moves.TARGETS, token_moves.STRATEGIC):
        token_moves.move(place, migration, [portfolio.pk])
    assert in_force(portfolio) == {"BTC": BEAR["BTC"], "UNI": BEAR["SOL"], "USD": BEAR["USD"]}
    assert own(portfolio) == {"BTC": OWN["BTC"], "UNI": OWN["SOL"], "USD": OWN["USD"]}
    for place in (token_moves.TARGETS, token_moves.STRATEGIC):
        token_moves.move_back(place, migration, [portfolio.pk])
    assert (in_force(portfolio), own(portfolio)) == (BEAR, OWN)


# --- The page -------------------------------------------------------------------------------------


@pytest.fixture
def bear(as_of, portfolio) -> None:
    RegimeDay.objects.filter(date=as_of).update(label=Label.BEAR)


@pytest.fixture
def client(portfolio) -> Client:
    client = Client()
    client.force_login(portfolio.owner)
    return client


@pages
def test_a_tilt_is_applied_only_as_it_was_seen_and_only_when_asked(
    portfolio, bear, client, coins, as_of
):
    address = reverse("analytics:tilt", args=[portfolio.pk])
    page = client.get(address)
    assert "Increase BTC %, increase stables." in page.text
    assert in_force(portfolio) == OWN
    seen = {"revision": portfolio.revision, "seen": page.context["proposal"].seen, "days": 14}
    other = client.post(address, seen | {"seen": "0.9 0.1"})
    assert (other.status_code, "have changed since" in other.text) == (422, True)
    stale = client.post(address, seen | {"revision": 999})
    assert (stale.status_code, "have changed since" in stale.text) == (422, True)
    assert client.post(address, seen | {"days": "x"}).status_code == 422
    assert in_force(portfolio) == OWN
    assert client.post(address, seen).status_code == 302
    assert in_force(portfolio) == {"BTC": Decimal("0.5358"), "SOL": Decimal("0.25"),
                                   "USD": Decimal("0.2142")}  # fmt: skip
    assert portfolio.tilt.ends_on == as_of + timedelta(days=14)
    assert "is in force" in client.get(address).text
    portfolio.refresh_from_db()
    recomputation.recompute(portfolio_id=portfolio.pk)
    assert (
        "until the night of 14 July 2024"
        in client.get(reverse("analytics:rebalance", args=[portfolio.pk])).text
    )
    end = reverse("analytics:tilt-end", args=[portfolio.pk])
    assert client.post(end, {"revision": portfolio.revision - 1}).url == address
    assert in_force(portfolio) != OWN
    client.post(end, {"revision": portfolio.revision})
    assert in_force(portfolio) == OWN


@pages
def test_without_an_adjustment_the_page_says_so(portfolio, client):
    page = client.get(reverse("analytics:tilt", args=[portfolio.pk])).text
    assert "No tilt to propose" in page
    assert "The article has no adjustment for this market." in page
