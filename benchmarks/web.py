"""How quick pages and the API are beside bare authenticated views: `make bench-web`.

One gunicorn as the demo runs it, a person with 20 portfolios of 12 holdings, one night. Requests
go one after the other, the addresses in turn, over loopback. The last line is JSON; the
bound is four times the bare view's p95, which costs a session, a user and nothing else. The page
that plans a rebalance is asked for a portfolio of 30 holdings at a venue, taxes out of a ledger of
360 lines counted; its bound is 150 ms.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from statistics import quantiles

from benchmarks import night
from portfolio_site import embedded

PORTFOLIOS = 20
REQUESTS = 300
WARM_UP = 20
BOUND = 4.0
REBALANCE_BOUND = 150  # milliseconds


def main() -> None:
    with embedded.servers():
        night.prepare(PORTFOLIOS)
        night.run_night()
        told = night.manage("shell", "--no-imports", "-v0", "-c", LOG_IN)
        cookie, rebalance = told.strip().splitlines()[-2:]
        with site(API_REQUESTS_PER_MINUTE="1000000") as port:
            figures = measure(port, cookie, rebalance)
    print(json.dumps(figures))


@contextmanager
def site(**environment: str) -> Iterator[int]:
    """One gunicorn as the demo runs it, with the views beside that do nothing; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "benchmarks.web_site", f"--bind=127.0.0.1:{port}",
         "--workers=1", "--worker-class=gthread", "--threads=8", "--no-control-socket",
         "--log-level=warning"],
        cwd=night.REPOSITORY,
        env={**os.environ, "DATABASE_POOL": "true", **environment},
    )  # fmt: skip
    try:
        wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait(20)


# Every portfolio goes to the first person, who is then logged in, with one of 30 holdings beside:
# its largest is held twice as much as wanted, so that there is something to plan; each was bought
# in twelve parts over two years, and tax is counted.
LOG_IN = """
from django.conf import settings
from django.test import Client
from accounts.models import User
from portfolios.models import Portfolio
user = User.objects.order_by("pk").first()
Portfolio.objects.update(owner=user)
from analytics.models import PortfolioResult
from analytics.services import recomputation
from datetime import datetime, timedelta, UTC
from decimal import Decimal
from portfolios.models import Asset, DailyPrice, Holding, TargetWeight, Transaction, Venue
day = DailyPrice.objects.latest("date").date
prices = DailyPrice.objects.filter(date=day).order_by("asset_id")[:30]
venue = Venue.objects.first()
thirty = Portfolio.objects.create(
    pk=10**6, owner=user, name="Thirty", venue=venue, short_term_tax="0.3", long_term_tax="0.15"
)
dollar = Asset.objects.get(coingecko_id="usd")
for place, price in enumerate(prices):
    weight = 0.03 if place else 0.13
    held = weight if place else 2 * weight
    part = Decimal(round(1e5 * held / price.close / 12, 8)) + Decimal("0.00000001")
    part = part.quantize(Decimal("0.00000001"))
    Holding.objects.create(portfolio=thirty, asset_id=price.asset_id, quantity=12 * part)
    Transaction.objects.bulk_create(
        Transaction(
            portfolio=thirty, kind="buy", at=datetime.now(UTC) - timedelta(days=60 * number + 10),
            received_asset_id=price.asset_id, received_quantity=part,
            value_asset=dollar, value=round(part * Decimal(price.close) * number / 6, 2),
        )
        for number in range(12)
    )
    TargetWeight.objects.create(portfolio=thirty, asset_id=price.asset_id, weight=weight)
assert recomputation.recompute(portfolio_id=thirty.pk)
result = PortfolioResult.objects.get(portfolio=thirty)
assert (len(result.asset_ids), result.status) == (30, "in_breach")
client = Client()
client.force_login(user)
print(f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}")
print(f"/portfolios/{thirty.pk}/rebalance/?mode=edge")
"""


def measure(port: int, cookie: str, rebalance: str) -> dict[str, float]:
    """p95 of each page in milliseconds, and how many times the bare view's that is."""
    paths = {
        "bare": "/bare/", "list": "/portfolios/", "overview": "/portfolios/1/",
        "bare_api": "/bare-api/", "api": "/api/v1/portfolios/1/",
        "rebalance": rebalance,
    }  # fmt: skip
    seconds: dict[str, list[float]] = {name: [] for name in paths}
    for number in range(WARM_UP + REQUESTS):
        for name, path in paths.items():
            taken = request(port, path, cookie)
            if number >= WARM_UP:
                seconds[name].append(taken)
    p95 = {name: quantiles(taken, n=20)[-1] * 1000 for name, taken in seconds.items()}
    figures = {f"{name}_p95_ms": round(value, 2) for name, value in p95.items()}
    pairs = {"list": "bare", "overview": "bare", "api": "bare_api"}
    times = {
        f"{name}_times_{bare}": round(p95[name] / p95[bare], 2) for name, bare in pairs.items()
    }
    return figures | times | {"bound": BOUND, "rebalance_bound_ms": REBALANCE_BOUND}


def request(port: int, path: str, cookie: str) -> float:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    started = time.perf_counter()
    connection.request("GET", path, headers={"Cookie": cookie, "Host": "localhost"})
    response = connection.getresponse()
    response.read()
    taken = time.perf_counter() - started
    connection.close()
    if response.status != 200:
        raise RuntimeError(f"{path} answered {response.status}")
    return taken


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The server did not start.")


if __name__ == "__main__":
    main()
