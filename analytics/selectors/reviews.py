"""A portfolio looked over: the checklist, what is wrong with it, the mistakes of its history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connection

from analytics.core.clusters import STABLE_SHARE
from analytics.models import ClusterDay
from analytics.selectors import checklist, compositions, findings, mistakes
from analytics.selectors.checklist import Composition, Line
from analytics.selectors.findings import Cluster, Finding
from analytics.selectors.mistakes import Mistake
from analytics.selectors.portfolio_pages import Reading
from portfolios.models import Asset, Portfolio

CLUSTER_WINDOW = 365
NEWEST_CLOSES = """
    SELECT asset.id, ARRAY(
        SELECT close FROM portfolios_dailyprice
        WHERE asset_id = asset.id AND date <= %(as_of)s ORDER BY date DESC LIMIT %(readings)s)
    FROM unnest(%(assets)s::bigint[]) AS asset (id)
"""


@dataclass(frozen=True)
class Review:
    composition: Composition
    checklist: Sequence[Line]
    findings: Sequence[Finding]
    mistakes: Sequence[Mistake]

    @property
    def passed(self) -> int:
        return sum(line.passed is True for line in self.checklist)

    @property
    def failed(self) -> int:
        return sum(line.passed is False for line in self.checklist)


def read(portfolio: Portfolio, reading: Reading) -> Review:
    as_of = reading.run.as_of
    composition = compositions.read(portfolio, reading)
    clusters = hidden_clusters(as_of=as_of)
    return Review(
        composition=composition,
        checklist=checklist.judge(composition),
        findings=findings.find(composition, _market(composition, reading, clusters)),
        mistakes=mistakes.look(portfolio, composition, clusters, as_of=as_of),
    )


def hidden_clusters(*, as_of: date, only_stable: bool = True) -> list[Cluster]:
    """The stable ones of the largest coins, of what Bitcoin leaves; or all, coins alone, too."""
    told = ClusterDay.objects.filter(as_of=as_of, window=CLUSTER_WINDOW, without_bitcoin=True)
    day = told.first()
    if day is None:
        return []
    members: dict[int, set[int]] = {}
    shares = dict(zip(day.labels, day.shares, strict=True))
    for asset_id, label in zip(day.asset_ids, day.labels, strict=True):
        members.setdefault(label, set()).add(asset_id)
    return [
        Cluster(frozenset(ids), shares[label])
        for label, ids in members.items()
        if not only_stable or (len(ids) > 1 and shares[label] >= STABLE_SHARE)
    ]


def _market(
    composition: Composition, reading: Reading, clusters: Sequence[Cluster]
) -> findings.Market:
    stables = [p.asset for p in composition.parts if p.asset.kind == Asset.Kind.STABLECOIN]
    return findings.Market(
        clusters=clusters,
        stale=frozenset(asset.pk for asset in reading.stale),
        pegs=_pegs(reading.run.as_of, [asset.pk for asset in stables]),
        other_stable=Asset.objects.filter(kind=Asset.Kind.STABLECOIN, is_active=True)
        .exclude(pk__in=[asset.pk for asset in stables])
        .first()
        if stables
        else None,
    )


def _pegs(as_of: date, asset_ids: Sequence[int]) -> dict[int, list[float]]:
    if not asset_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            NEWEST_CLOSES,
            {"as_of": as_of, "assets": list(asset_ids), "readings": findings.DEPEG_READINGS},
        )
        return dict(cursor.fetchall())
