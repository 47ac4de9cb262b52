"""What Prometheus reads: `/metrics`, for whoever shows METRICS_TOKEN.

Every figure is asked of PostgreSQL at that moment. So each process of each machine answers alike,
workers need no port, and nothing is lost with a process. Alert thresholds: docs/operations.md.
"""

from collections.abc import Iterator, Mapping
from secrets import compare_digest

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from accounts.selectors import outbox
from analytics.models import NightlyRun
from analytics.selectors import nights
from portfolios.models import QuarantinedPrice


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """404 while no METRICS_TOKEN is set, 401 to whoever does not show it."""
    if not settings.METRICS_TOKEN:
        raise Http404
    shown = request.headers.get("Authorization", "").encode()
    if not compare_digest(shown, f"Bearer {settings.METRICS_TOKEN}".encode()):
        return HttpResponse(
            "Show METRICS_TOKEN: `Authorization: Bearer ...`.\n",
            status=401,
            content_type="text/plain",
            headers={"WWW-Authenticate": "Bearer"},
        )
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Figures:
    """All families; one without a sample is left out."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from _outbox()
        yield from _published()
        yield from _newest()
        yield _gauge("prices_quarantined", "Rows of price data that were refused.",
                     QuarantinedPrice.objects.count())  # fmt: skip


def _outbox() -> Iterator[GaugeMetricFamily]:
    backlog = outbox.backlog()
    yield _gauges("outbox_messages", "Messages that wait or failed.", "state", backlog.messages)
    yield _gauge("outbox_oldest_seconds", "Age of the oldest message that waits.",
                 backlog.oldest_seconds)  # fmt: skip
    yield _gauge("outbox_overdue_seconds", "How long ago the turn of the first in line came.",
                 backlog.overdue_seconds)  # fmt: skip


def _published() -> Iterator[GaugeMetricFamily]:
    """The night that readers see."""
    run = NightlyRun.objects.filter(is_current=True).first()
    if run is None or run.published_at is None:
        return
    age = timezone.now() - run.published_at
    yield _gauge("night_published_age_seconds", "Since readers got the night that they see.",
                 age.total_seconds())  # fmt: skip
    yield _gauge("night_portfolios", "Portfolios in the night that readers see.",
                 run.portfolios or 0)  # fmt: skip
    yield _gauge("night_in_breach", "Of these, how many are out of their bands.",
                 run.in_breach or 0)  # fmt: skip
    yield _gauge("night_quarantined", "Portfolios that this night had to leave out.",
                 len(nights.quarantined(run)))  # fmt: skip


def _newest() -> Iterator[GaugeMetricFamily]:
    """The newest night, done or not, as its page in the admin shows it."""
    run = NightlyRun.objects.first()
    if run is None:
        return
    now = timezone.now()
    stages = nights.stages(run, now=now)
    progress = nights.progress(run, stages=stages)
    unfinished = run.state not in NightlyRun.ENDED
    yield _gauge("night_unfinished_seconds", "Age of the newest night; 0 once it has ended.",
                 (now - run.created_at).total_seconds() if unfinished else 0)  # fmt: skip
    yield _gauges("night_state", "1 for the state that the newest night is in.", "state",
                  {str(state): state == run.state for state in NightlyRun.State})  # fmt: skip
    yield _gauges("night_chunks", "Chunks of the newest night.", "state",
                  {count.state: count.chunks for count in progress.counts})  # fmt: skip
    yield _gauges("night_stage_seconds", "How long it stayed in each state.", "state",
                  {str(stage.state): stage.seconds for stage in stages
                   if stage.seconds is not None})  # fmt: skip
    if progress.per_second is not None:
        yield _gauge("night_portfolios_per_second", "By all workers together.",
                     progress.per_second)  # fmt: skip


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"evenkeel_{name}", words, value=value)


def _gauges(name: str, words: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"evenkeel_{name}", words, labels=[label])
    for value, amount in values.items():
        family.add_metric([value], amount)
    return family
