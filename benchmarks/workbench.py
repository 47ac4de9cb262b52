"""How long the server takes for the workbench while one types: `make bench-workbench`.

A portfolio of 30 coins that are held and wanted, one gunicorn as the demo runs it, a simulated
market with its whole history. Every request posts other weights over loopback, one after the other;
a cold one finds an empty cache, as the first of a quarter of an hour does. The last line is JSON,
in milliseconds; the bound is on the 95th percentile of both.
"""

import json
import os
import time
from http.client import HTTPConnection
from statistics import median, quantiles
from urllib.parse import urlencode

import redis

from benchmarks import night, web
from portfolio_site import embedded

COINS = 30
WARM, COLD, WARM_UP = 300, 40, 20
BOUND = 150.0
TOKEN = "a" * 32  # the same in the cookie and the header: that is all a CSRF check asks

# The first portfolio wants and holds the largest coins; prints its cookies and its assets.
FILL = f"""
import json
from decimal import Decimal
from django.conf import settings
from django.test import Client
from portfolios.models import Asset, Holding, Portfolio, TargetWeight
portfolio = Portfolio.objects.order_by("pk").first()
coins = list(Asset.objects.filter(kind="coin", cap_rank__gt=0).order_by("cap_rank")[:{COINS}])
portfolio.holdings.all().delete()
portfolio.target_weights.all().delete()
Holding.objects.bulk_create(Holding(portfolio=portfolio, asset=a, quantity=10) for a in coins)
TargetWeight.objects.bulk_create(
    TargetWeight(portfolio=portfolio, asset=a, weight=Decimal(1) / {COINS}) for a in coins
)
client = Client()
client.force_login(portfolio.owner)
session = settings.SESSION_COOKIE_NAME
cookie = f"{{session}}={{client.cookies[session].value}}; {{settings.CSRF_COOKIE_NAME}}={TOKEN}"
print(json.dumps([portfolio.pk, cookie, [a.pk for a in coins]]))
"""


def main() -> None:
    with embedded.servers():
        night.prepare(1)
        night.run_night()
        pk, cookie, assets = json.loads(night.manage("shell", "--no-imports", "-v0", "-c", FILL))
        with web.site() as port:
            figures = measure(port, f"/portfolios/{pk}/workbench/", cookie, assets)
    print(json.dumps(figures))


def measure(port: int, path: str, cookie: str, assets: list[int]) -> dict[str, float]:
    valkey = redis.Redis.from_url(os.environ["REDIS_URL"])
    for number in range(WARM_UP):
        request(port, path, cookie, assets, number)
    warm = [request(port, path, cookie, assets, number) for number in range(WARM)]
    cold = []
    for number in range(COLD):
        valkey.flushall()
        cold.append(request(port, path, cookie, assets, number))
    figures: dict[str, float] = {"coins": len(assets), "bound_ms": BOUND}
    for name, taken in (("warm", warm), ("cold", cold)):
        figures[f"{name}_median_ms"] = round(median(taken) * 1000, 1)
        figures[f"{name}_p95_ms"] = round(quantiles(taken, n=20)[-1] * 1000, 1)
    return figures


def request(port: int, path: str, cookie: str, assets: list[int], number: int) -> float:
    """What a change of a weight asks for, as htmx asks; seconds."""
    weights = {f"weight-{pk}": 1 + (n + number) % 7 for n, pk in enumerate(assets)}
    body = urlencode({"revision": 1, **weights})
    headers = {
        "Cookie": cookie, "Host": "localhost", "X-CSRFToken": TOKEN, "HX-Request": "true",
        "HX-Trigger": "workbench-rows", "Content-Type": "application/x-www-form-urlencoded",
    }  # fmt: skip
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    started = time.perf_counter()
    connection.request("POST", path, body=body, headers=headers)
    response = connection.getresponse()
    answer = response.read()
    taken = time.perf_counter() - started
    connection.close()
    if response.status != 200 or b"Volatility" not in answer:
        raise RuntimeError(f"{path} answered {response.status}")
    return taken


if __name__ == "__main__":
    main()
