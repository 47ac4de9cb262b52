"""The wizard's weights for all answers and choices, and its steps from first to last."""

from datetime import timedelta
from decimal import Decimal
from functools import cache

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from analytics.forms.wizard import SLUGS
from analytics.models import NightlyRun
from analytics.selectors import benches
from analytics.services import buffers, market, risk_questions, weight_limits, wizards
from portfolios.models import Asset, AssetCategory, Portfolio, PortfolioDraft, RiskProfile
from portfolios.services import catalogue, drafts, price_imports, sandboxes
from tests.analytics.conftest import AS_OF, quote
from tests.factories import UserFactory, guest

ANSWERS = {question.slug: "2" for question in risk_questions.QUESTIONS}
DAYS = 300
MOST_QUERIES = 10  # session, person, draft, profiles, assets, the run, and what the frame shows


def profiles() -> list[RiskProfile]:
    """As the catalogue seeds them, without a database."""
    made = (
        ("conservative", 0, "0.6", "0.7", "0.6", "0.3"),
        ("moderate", 9, "0.45", "0.55", "0.45", "0.25"),
        ("aggressive", 17, "0.3", "0.4", "0.3", "0.2"),
    )
    return [
        RiskProfile(
            pk=n, slug=slug, name=slug.title(), position=n, least_score=score,
            core_min=Decimal(low), core_max=Decimal(high), bitcoin_cap=Decimal(btc),
            ether_cap=Decimal(eth), other_cap=Decimal("0.1"),
        )
        for n, (slug, score, low, high, btc, eth) in enumerate(made, start=1)
    ]  # fmt: skip


@cache
def assets() -> dict[str, Asset]:
    """Two of the core, a stablecoin, and four of each of six categories."""
    ranges = {
        "store-of-value": ("0.3", "0.5"), "smart-contract-l1": ("0.15", "0.25"),
        "defi": ("0.05", "0.15"), "infrastructure": ("0.05", "0.1"), "l2-scaling": ("0.05", "0.1"),
        "meme": (None, None), "stablecoins": ("0.1", "0.2"),
    }  # fmt: skip
    categories = {
        slug: AssetCategory(
            pk=n, slug=slug, name=slug, position=n, colour=n,
            risk_level="very_low" if slug == "stablecoins" else "medium",
            recommended_min=low and Decimal(low), recommended_max=high and Decimal(high),
        )
        for n, (slug, (low, high)) in enumerate(ranges.items(), start=1)
    }  # fmt: skip
    made = {
        "bitcoin": Asset(pk=1, coingecko_id="bitcoin", category=categories["store-of-value"]),
        "ethereum": Asset(pk=2, coingecko_id="ethereum", category=categories["smart-contract-l1"]),
        "usd": Asset(pk=3, coingecko_id="usd", kind="stablecoin",
                     category=categories["stablecoins"]),
    }  # fmt: skip
    others = [slug for slug in categories if slug != "stablecoins"]
    for n in range(24):
        key = f"coin-{n}"
        made[key] = Asset(
            pk=10 + n, coingecko_id=key, symbol=f"C{n}", category=categories[others[n % 6]]
        )
    return made


COINS = st.sets(st.integers(0, 23), max_size=16)


@given(
    answers=st.fixed_dictionaries({q.slug: st.integers(0, 4) for q in risk_questions.QUESTIONS}),
    chosen=COINS,
    of_core=st.tuples(st.integers(0, 1000), st.integers(0, 1000)),
    of_buffer=st.integers(1000, 2000),
    seed=st.integers(0, 20),
)
def test_every_finished_wizard_sums_to_one_inside_all_ranges(
    answers, chosen, of_core, of_buffer, seed
):
    profile = risk_questions.judge(answers, profiles()).profile
    known = assets()
    total = profile.core_min + Decimal(of_core[0]) / 1000 * (profile.core_max - profile.core_min)
    total = round(total, 4)
    ether = round(Decimal(of_core[1]) / 1000 * min(profile.ether_cap, total), 4)
    ether = max(ether, total - profile.bitcoin_cap)
    core = {known["bitcoin"]: total - ether, known["ethereum"]: ether}
    diversifiers = [known[f"coin-{n}"] for n in sorted(chosen)]
    buffer = {known["usd"]: Decimal(of_buffer) / 10_000}
    factors = np.random.default_rng(seed).normal(0, 0.04, (len(chosen) + 5, len(chosen)))
    covariance = factors.T @ factors if chosen else None
    try:
        weights = wizards.size(
            profile=profile,
            core=core,
            diversifiers=diversifiers,
            buffer=buffer,
            covariance=covariance,
        )
    except wizards.NoRoom:
        return
    assert sum(weights.values()) == 1
    assert all(weight == round(weight, 4) and weight > 0 for weight in weights.values())
    for asset, weight in weights.items():
        assert weight <= weight_limits.cap(profile, asset)
    of_coins = sum((weights.get(asset, Decimal(0)) for asset in core), Decimal(0))
    assert profile.core_min <= of_coins <= profile.core_max
    for category in {asset.category for asset in diversifiers}:
        allowed = weight_limits.of_category(category, [*core, *diversifiers])
        share = sum(weights.get(a, Decimal(0)) for a in diversifiers if a.category == category)
        assert allowed.low <= share <= allowed.high


@pytest.mark.parametrize("place", range(3))
def test_a_start_is_suggested_that_fits_every_profile(place):
    profile, known = profiles()[place], assets()
    core = dict(zip(known.values(), wizards.usual_core(profile), strict=False))
    buffer = {known["usd"]: Decimal("0.15")}
    candidates = [asset for key, asset in known.items() if key.startswith("coin-")]
    found = wizards.suggest(profile=profile, core=core, candidates=candidates, buffer=buffer)
    weights = wizards.size(
        profile=profile, core=core, diversifiers=found, buffer=buffer, covariance=None
    )
    assert set(found) <= set(weights)
    assert {"defi", "infrastructure", "l2-scaling"} <= {each.category.slug for each in found}
    assert sum(core.values()) == profile.core_max  # the article's core


def test_too_few_are_refused_with_what_is_missing():
    profile, known = profiles()[2], assets()
    core = {known["bitcoin"]: Decimal("0.25"), known["ethereum"]: Decimal("0.15")}
    with pytest.raises(wizards.NoRoom, match="45 % is to be placed, and these hold at most 10 %"):
        wizards.size(
            profile=profile, core=core, diversifiers=[known["coin-2"]],
            buffer={known["usd"]: Decimal("0.15")}, covariance=None,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("points", "reaction", "profile"),
    [(0, 0, 1), (1, 2, 1), (2, 2, 2), (4, 4, 3), (4, 1, 1), (4, 2, 3), (3, 2, 3), (1, 4, 2)],
)
def test_the_sum_decides_unless_one_would_sell(points, reaction, profile):
    answers = dict.fromkeys(ANSWERS, points) | {"reaction": reaction}
    found = risk_questions.judge(answers, profiles())
    assert found.profile.pk == profile
    assert found.is_held_back == (found.profile != found.by_score)
    assert found.score == found.capacity + found.willingness == 5 * points + reaction


@pytest.fixture
def measured(transactional_db, quotes) -> NightlyRun:
    """The catalogue, with 300 days of every coin."""
    catalogue.load()
    rng = np.random.default_rng(11)
    together = rng.normal(0, 0.02, DAYS)
    for asset in Asset.objects.exclude(kind__in=("cash", "stablecoin")):
        path = np.exp(np.cumsum(together + rng.normal(0, 0.02, DAYS)))
        days = [AS_OF - timedelta(days=DAYS - 1 - n) for n in range(DAYS)]
        quote(quotes, asset.symbol, dict(zip(days, path.tolist(), strict=True)))
    price_imports.refresh(as_of=AS_OF)
    market.refresh(as_of=AS_OF)
    return NightlyRun.objects.create(as_of=AS_OF, is_current=True, state="published")


@pytest.fixture
def person(client: Client):
    user = UserFactory()
    client.force_login(user)
    return user


def at(step: str) -> str:
    return reverse("analytics:wizard-step", args=[step])


def walk(client: Client, **instead: dict) -> None:
    """Answer every step but the last, with what each offers unless something else is given."""
    for step in SLUGS[:-1]:
        shown = client.get(at(step))
        assert shown.status_code == 200, step
        form = shown.context["form"]
        offered = (
            ANSWERS if step == "questions" else {name: form[name].value() for name in form.fields}
        )
        if step in ("core", "buffer"):
            offered = {n: form[n].field.prepare_value(form[n].value()) for n in form.fields}
        answered = client.post(at(step), offered | instead.get(step, {}))
        assert answered.status_code == 302, (
            step,
            answered.context and answered.context["form"].errors,
        )
        assert answered.url == at(SLUGS[SLUGS.index(step) + 1])


@pytest.mark.parametrize("answer", ["0", "2", "4"])
def test_questions_end_in_a_portfolio_with_targets(measured, client, person, answer):
    walk(client, questions=dict.fromkeys(ANSWERS, answer))
    review = client.get(at("review"))
    assert "would have" in review.text
    assert not Portfolio.objects.exists()
    made = client.post(at("review"), {"name": "Mine"})
    portfolio = Portfolio.objects.get()
    assert made.url == reverse("portfolios:holdings", args=[portfolio.pk])
    assert (portfolio.owner, portfolio.name) == (person, "Mine")
    assert sum(target.weight for target in portfolio.target_weights.all()) == 1
    assert portfolio.target_versions.count() == 1
    assert not PortfolioDraft.objects.exists()


def test_nothing_is_lost_on_reload_and_a_step_cannot_be_skipped(measured, client, person):
    assert client.get(at("review")).url == at("questions")
    walk(client)
    assert client.get(reverse("analytics:wizard")).url == at("review")
    other = Client()
    other.force_login(person)
    assert other.get(at("core")).context["form"]["bitcoin"].value() == "35"
    # A calmer profile later: the core no longer fits, and the wizard goes back to it and says so.
    client.post(at("profile"), {"profile": "conservative"})
    assert client.get(at("review")).url == at("core")
    assert "profile’s core" in client.get(at("core")).text.replace("&#x27;", "’")


def test_what_a_guest_has_answered_becomes_the_person_s(db):
    person, visitor = UserFactory(), guest()
    PortfolioDraft.objects.create(owner=visitor, answers={"questions": ANSWERS})
    sandboxes.hand_over(guest=visitor, person=person)
    assert PortfolioDraft.objects.get().owner == person


def test_without_a_night_the_sizes_are_equal_and_the_page_says_so(db, client, person):
    catalogue.load()
    walk(client)
    assert "Nothing is measured yet" in client.get(at("sizes")).text
    assert client.post(at("review"), {"name": "Mine"}).status_code == 302
    weights = {t.asset.symbol: t.weight for t in Portfolio.objects.get().target_weights.all()}
    assert sum(weights.values()) == 1


def test_a_core_outside_its_range_is_refused_and_kept_as_typed(db, client, person):
    catalogue.load()
    client.post(at("questions"), ANSWERS)
    client.post(at("profile"), {"profile": "moderate"})
    refused = client.post(at("core"), {"bitcoin": "50", "ether": "1"})
    assert refused.status_code == 422
    assert "At most 45 %" in refused.text
    assert 'value="50"' in refused.text
    assert (
        "Together they have 30 %" in client.post(at("core"), {"bitcoin": "29", "ether": "1"}).text
    )
    assert "core" not in PortfolioDraft.objects.get().answers


def test_starting_over_forgets_the_answers_and_nothing_else(db, client, person):
    catalogue.load()
    client.post(at("questions"), ANSWERS)
    assert client.post(reverse("analytics:wizard-restart")).url == at("questions")
    assert not PortfolioDraft.objects.exists()


def test_each_step_takes_few_queries(measured, client, person, django_assert_max_num_queries):
    walk(client)
    for step in SLUGS:
        with django_assert_max_num_queries(MOST_QUERIES):
            assert client.get(at(step)).status_code == 200


def test_hostile_answers_are_refused_in_words_and_change_nothing(db, client, person):
    catalogue.load()
    walk(client)
    before = PortfolioDraft.objects.get().answers
    for step in SLUGS:
        fields = client.get(at(step)).context["form"].fields
        for field in fields:
            for hostile in ("\x00", "9" * 400, "<script>alert(1)</script>", "NaN", "1e999"):
                if field == "name" and hostile.isprintable() and len(hostile) < 80:
                    continue  # a name may be anything that can be seen
                refused = client.post(at(step), dict.fromkeys(fields, "1") | {field: hostile})
                assert refused.status_code == 422, (field, hostile)
                assert "<script>alert(1)" not in refused.text
                assert any(mark in refused.text for mark in ("invalid-feedback", "alert", "danger"))
    assert PortfolioDraft.objects.get().answers == before
    assert not Portfolio.objects.exists()
    assert client.get(at("unheard-of")).status_code == 404


def test_the_share_that_is_said_keeps_the_limit_and_a_percent_less_does_not(
    measured, client, person
):
    walk(client, questions=dict.fromkeys(ANSWERS, "0"))
    shown = client.get(at("buffer")).context
    need, rows = shown["need"], {row.share: row for row in shown["shares"]}
    assert 0.02 < need.share < 1
    assert rows[need.share].max_drawdown >= -float(need.limit)
    bench = benches.read(Portfolio(), list(Asset.objects.all()), run=measured, holdings=[])
    weights = {asset: float(weight) for asset, weight in shown["plan"].weights.items()}
    vector = np.array([weights.get(asset, 0.0) for asset in bench.assets])
    less = buffers.calm(bench, vector, [need.share - 0.01])[0]
    assert less.max_drawdown < -float(need.limit)
    assert rows[0.2].volatility == pytest.approx(rows[0.0].volatility * 0.8)
    assert f"{need.share * 100:.0f}\xa0% in stablecoins" in client.get(at("buffer")).text.replace(
        "&nbsp;", "\xa0"
    )


@pytest.mark.django_db
def test_a_draft_becomes_one_portfolio_however_often_it_is_sent():
    catalogue.load()
    owner = UserFactory()
    drafts.keep(owner=owner, step="questions", answer=ANSWERS)
    profile = RiskProfile.objects.get(slug="moderate")
    weights = {Asset.objects.get(coingecko_id="bitcoin"): Decimal(1)}
    drafts.finish(owner=owner, name="Mine", profile=profile, weights=weights)
    with pytest.raises(drafts.NothingDraftedError, match="in your list"):
        drafts.finish(owner=owner, name="Mine", profile=profile, weights=weights)
    assert Portfolio.objects.get().name == "Mine"
