"""Lists: pages that neither shift nor repeat, and as many queries for a thousand as for a few."""

from collections.abc import Callable, Iterable
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiToken
from analytics.models import NightlyRun, QuarterlyReview, SuggestionLife
from portfolios.models import Asset, Import, Portfolio, Transaction
from tests.api.conftest import AS_OF, BOUGHT_AT, Program
from tests.factories import PortfolioFactory, UserFactory

# The most queries of each, those of the token included.
QUERIES = {
    "/portfolios/": 4,
    "/drift/": 6,
    "/assets/": 4,
    "/categories/": 4,
    "/model-portfolios/": 5,
    "/market/assets/": 6,
    "/market/": 7,
    "/market/correlations/": 8,
    "/market/correlations/ethereum/bitcoin/": 5,
    "/market/volatility/": 6,
    "/defi-allocation/?position=ethereum:1000": 2,
    "/portfolios/{pk}/": 4,
    "/portfolios/{pk}/targets/": 5,
    "/portfolios/{pk}/holdings/": 8,
    "/portfolios/{pk}/transactions/": 5,
    "/portfolios/{pk}/imports/": 5,
    "/portfolios/{pk}/risk/": 12,
    "/portfolios/{pk}/gains/": 7,
    "/portfolios/{pk}/lots/": 7,
    "/portfolios/{pk}/values/": 5,
    "/portfolios/{pk}/performance/": 11,
    "/portfolios/{pk}/suggestions/": 9,
    "/portfolios/{pk}/plan/": 16,
    "/portfolios/{pk}/sale-check/?asset=bitcoin&quantity=1": 12,
    "/portfolios/{pk}/workbench/": 11,
    "/portfolios/{pk}/reviews/": 3,
    "/portfolios/{pk}/finder/": 13,
    "/portfolios/{pk}/rules/": 5,
    "/portfolios/{pk}/roles/": 5,
    "/notifications/": 4,
    "/own-assets/": 6,
    "/webhooks/": 4,
    "/tokens/": 3,
    "/venues/": 4,
}


def queries(program: Program, path: str) -> int:
    cache.clear()
    with CaptureQueriesContext(connection) as captured:
        answer = program.send("GET", path)
    assert answer.status_code == 200, answer.content
    return len(captured)


def trade(portfolio: Portfolio, bought: Iterable[Asset]) -> None:
    """A purchase of each with a bitcoin, after enough of those came in."""
    bitcoin = Asset.objects.get(coingecko_id="bitcoin")
    portfolio.transactions.create(
        kind="deposit", at=BOUGHT_AT, received_asset=bitcoin, received_quantity=10_000
    )
    Transaction.objects.bulk_create(
        Transaction(
            portfolio=portfolio, kind="buy", at=timezone.now(), received_asset=asset,
            received_quantity=1, sent_asset=bitcoin, sent_quantity=1,
        )
        for asset in bought
    )  # fmt: skip


def look_back(portfolio: Portfolio, count: int) -> None:
    """So many suggestions that are over, reviews that are finished, and tokens."""
    run, now = NightlyRun.objects.get(), timezone.now()
    SuggestionLife.objects.bulk_create(
        SuggestionLife(
            portfolio=portfolio, run=run, revision=portfolio.revision, level=1, state="dismissed",
            ended_on=AS_OF,
        )
        for _ in range(count)
    )  # fmt: skip
    QuarterlyReview.objects.bulk_create(
        QuarterlyReview(portfolio=portfolio, as_of=AS_OF, finished_at=now) for _ in range(count)
    )
    ApiToken.objects.bulk_create(
        ApiToken(
            user=portfolio.owner, digest=f"{count}-{n}", token_key=f"{n}", name=f"No {n}",
            expiry=now + timedelta(days=1),
        )
        for n in range(count)
    )  # fmt: skip


def grow(portfolio: Portfolio) -> None:
    """A thousand portfolios, and a few hundred of everything in one of them."""
    owner = portfolio.owner
    Portfolio.objects.bulk_create(Portfolio(owner=owner, name=f"No {n}") for n in range(999))
    bitcoin = Asset.objects.get(coingecko_id="bitcoin")
    held = Asset.objects.exclude(pk=bitcoin.pk)
    trade(portfolio, held)
    portfolio.holdings.bulk_create(
        type(portfolio.holdings.get())(portfolio=portfolio, asset=asset, quantity=1)
        for asset in held
    )
    Import.objects.bulk_create(
        Import(portfolio=portfolio, format="binance", file_name="a.csv") for _ in range(200)
    )
    look_back(portfolio, 200)


@pytest.mark.django_db
@pytest.mark.parametrize("path", QUERIES)
def test_a_list_takes_as_many_queries_for_a_thousand_as_for_a_few(
    path: str, portfolio: Portfolio, program: Callable[..., Program]
) -> None:
    script = program(portfolio.owner)
    address = path.format(pk=portfolio.pk)
    trade(portfolio, Asset.objects.filter(coingecko_id__in=["ethereum", "eur"]))
    look_back(portfolio, 2)
    queries(script, address)  # notes the token's use
    few = queries(script, address)
    grow(portfolio)
    assert queries(script, address) == few
    assert few <= QUERIES[path]


@pytest.mark.django_db
def test_a_thousand_portfolios_come_in_pages_each_once(program: Callable[..., Program]) -> None:
    owner = UserFactory()
    Portfolio.objects.bulk_create(Portfolio(owner=owner, name="The same") for _ in range(1000))
    script, address, seen = program(owner), "/portfolios/?page_size=200", []
    while address:
        page = script.send("GET", address).json()
        seen += [row["id"] for row in page["results"]]
        address = page["next"] and page["next"].partition("/api/v1")[2]
        if len(seen) == 200:
            PortfolioFactory(owner=owner)  # what is added meanwhile comes last
    assert len(seen) == len(set(seen)) == 1001


@pytest.mark.django_db
def test_transactions_of_one_moment_come_each_once(
    portfolio: Portfolio, program: Callable[..., Program]
) -> None:
    at, bitcoin = timezone.now(), Asset.objects.get(coingecko_id="bitcoin")
    Transaction.objects.bulk_create(
        Transaction(
            portfolio=portfolio, kind="deposit", at=at, received_asset=bitcoin, received_quantity=1
        )
        for _ in range(250)
    )  # fmt: skip
    script, seen = program(portfolio.owner), []
    address = f"/portfolios/{portfolio.pk}/transactions/?page_size=100&kind=deposit"
    while address:
        page = script.send("GET", address).json()
        seen += [row["id"] for row in page["results"]]
        address = page["next"] and page["next"].partition("/api/v1")[2]
    assert len(seen) == len(set(seen)) == 250


@pytest.mark.django_db
@pytest.mark.parametrize(
    "cursor", ["abc", "%00", "cD1hYmM%3D", "cD0wJTAw", "bz05OTk5OTk5OTk5OTk5OTk5OTk5", "cj0x"]
)
def test_a_cursor_that_nobody_gave_out_is_refused_or_begins_anew(
    cursor: str, portfolio: Portfolio, program: Callable[..., Program]
) -> None:
    script = program(portfolio.owner)
    for path in ("/portfolios/", f"/portfolios/{portfolio.pk}/transactions/", "/market/assets/"):
        assert script.send("GET", f"{path}?cursor={cursor}").status_code in (200, 404)
