"""The night leaves alone what is archived or deleted, and so does the mail."""

import pytest

from analytics.models import NightlyRun, PortfolioResult, RunChunk
from analytics.services import nights, recomputation
from portfolios.models import Portfolio
from portfolios.services import portfolios
from tests.analytics.conftest import written

DRIFTED = ({"BTC": 6, "SOL": 4}, {"BTC": "0.4", "SOL": "0.6"})


@pytest.fixture
def three(hold) -> list[Portfolio]:
    return [hold(*DRIFTED, name=name) for name in ("Archived", "Deleted", "In use")]


@pytest.fixture
def put_away(three) -> Portfolio:
    """The one in use; the two others are put away."""
    archived, deleted, in_use = three
    portfolios.archive(portfolio=archived)
    portfolios.delete(portfolio=deleted)
    return in_use


def test_the_night_measures_and_counts_only_portfolios_in_use(put_away, as_of):
    run = nights.run_to_end(as_of=as_of)
    assert PortfolioResult.objects.get().portfolio == put_away
    assert (run.portfolios, run.in_breach, run.emails_queued) == (1, 1, 1)
    assert RunChunk.objects.get().portfolios == 1
    assert PortfolioResult.objects.get().value == pytest.approx(1000)


def test_a_chunk_whose_portfolios_were_put_away_meanwhile_is_done_with_nothing(three, as_of):
    run = nights.ensure(as_of=as_of)
    while run.state != NightlyRun.State.PLANNED:
        run = nights.advance(run_id=run.pk)
    for portfolio in three:
        portfolios.archive(portfolio=portfolio)
    nights.work(run_id=run.pk)
    run = nights.advance(run_id=run.pk)
    assert run.state == NightlyRun.State.PUBLISHED
    assert run.portfolios == 0


def test_nobody_is_written_to_about_what_was_put_away_after_the_night(three, as_of):
    nights.run_to_end(as_of=as_of)
    for portfolio, put_away in zip(three, (portfolios.archive, portfolios.delete), strict=False):
        put_away(portfolio=portfolio)
    said = [written(user=portfolio.owner) for portfolio in three]
    assert [letter and letter.subject for letter in said] == [
        None,
        None,
        "In use is 20.0 pp off: BTC 60 % of a 40 % target",
    ]


def test_a_restored_portfolio_is_calculated_again(put_away, as_of):
    nights.run_to_end(as_of=as_of)
    archived = Portfolio.objects.get(name="Archived")
    recomputation.recompute(portfolio_id=archived.pk)
    assert not PortfolioResult.objects.filter(portfolio=archived).exists()
    portfolios.restore(portfolio=archived)
    recomputation.recompute(portfolio_id=archived.pk)
    assert PortfolioResult.objects.get(portfolio=archived).value == pytest.approx(1000)
