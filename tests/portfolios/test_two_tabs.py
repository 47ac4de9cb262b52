"""Two tabs edit one portfolio: what a tab has not seen it never overwrites."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portfolios.models import Asset, Portfolio
from portfolios.services import holdings, portfolios, targets
from portfolios.services.errors import ConflictError
from tests.factories import AssetFactory, PortfolioFactory

pytestmark = pytest.mark.django_db

BILLION = 10**9
quantities = st.decimals(min_value=Decimal("1e-18"), max_value=Decimal("1e19"), places=18)


@st.composite
def whole_weights(draw) -> tuple[Decimal, Decimal, Decimal]:
    """Three weights above zero, to the billionth, that make one."""
    cuts = st.integers(1, BILLION - 1)
    low, high = sorted(draw(st.lists(cuts, min_size=2, max_size=2, unique=True)))
    return tuple(Decimal(n) / BILLION for n in (low, high - low, BILLION - high))


edits = st.one_of(
    st.tuples(st.just("hold"), quantities),
    st.tuples(st.just("remove"), st.none()),
    st.tuples(st.just("aim"), whole_weights()),
    st.tuples(
        st.just("note"),
        st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20),
    ),
    st.tuples(st.just("reload"), st.none()),
)
sessions = st.lists(st.tuples(st.sampled_from(["left", "right"]), edits), max_size=12)


def state_of(portfolio: Portfolio) -> tuple:
    """All facts that these edits touch."""
    saved = Portfolio.objects.get(pk=portfolio.pk)
    return (
        dict(saved.holdings.values_list("asset_id", "quantity")),
        dict(saved.target_weights.values_list("asset_id", "weight")),
        saved.notes,
    )


def apply(portfolio: Portfolio, assets: list[Asset], kind: str, value, seen: int) -> None:
    """Write as a tab does that saw the revision `seen`."""
    mine = Portfolio.objects.get(pk=portfolio.pk)
    if kind == "hold":
        holdings.save(portfolio=mine, asset=assets[0], quantity=value, expected_revision=seen)
    elif kind == "remove":
        holdings.remove(portfolio=mine, asset=assets[0], expected_revision=seen)
    elif kind == "aim":
        weights = dict(zip(assets, value, strict=True))
        targets.replace(portfolio=mine, weights=weights, expected_revision=seen)
    else:
        portfolios.update_settings(
            portfolio=mine,
            name=mine.name,
            tolerance_band=mine.tolerance_band,
            wide_band=mine.wide_band,
            fee_rate=mine.fee_rate,
            notes=value,
            expected_revision=seen,
        )


def expected(before: tuple, assets: list[Asset], kind: str, value) -> tuple:
    """What the facts should be after an edit that was not refused."""
    held, aimed, notes = before
    if kind == "hold":
        return {**held, assets[0].pk: value}, aimed, notes
    if kind == "remove":
        return {}, aimed, notes
    if kind == "aim":
        return held, {a.pk: w for a, w in zip(assets, value, strict=True)}, notes
    return held, aimed, value


@given(session=sessions)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_an_edit_is_stored_exactly_or_refused_whole_and_never_on_top_of_the_unseen(session):
    portfolio, assets = PortfolioFactory(), AssetFactory.create_batch(3)
    seen = {"left": 1, "right": 1}
    revision = 1
    for tab, (kind, value) in session:
        if kind == "reload":
            seen[tab] = revision
            continue
        before = state_of(portfolio)
        nothing_to_remove = kind == "remove" and not before[0]
        if seen[tab] != revision or nothing_to_remove:
            with pytest.raises(ConflictError):
                apply(portfolio, assets, kind, value, seen[tab])
            assert state_of(portfolio) == before
        else:
            apply(portfolio, assets, kind, value, seen[tab])
            assert state_of(portfolio) == expected(before, assets, kind, value)
            revision += 1
            seen[tab] = revision  # the answer is the page as it is now
        assert Portfolio.objects.get(pk=portfolio.pk).revision == revision
