"""Clusters of the largest coins, and how surely they are some: too much work for a request."""

from datetime import date

import numpy as np
from django.db import transaction

from analytics.core import clusters
from analytics.models import AssetDay, ClusterDay
from analytics.selectors import correlations
from analytics.selectors.correlations import Returns, View


@transaction.atomic
def refresh(*, as_of: date) -> None:
    """Store the clusters of each window, with Bitcoin and without it, at a UTC close.

    Idempotent: a rerun for the same day replaces them. The day's assets must have been measured
    (asset_days); without Bitcoin among them nothing is stored.
    """
    listed = AssetDay.objects.filter(as_of=as_of).select_related("asset")
    universe = correlations.universe(list(listed))
    ClusterDay.objects.filter(as_of=as_of).delete()
    if not any(each.coingecko_id == correlations.BITCOIN for each in universe):
        return
    returns = correlations.read_returns(as_of=as_of, assets=universe)
    ClusterDay.objects.bulk_create(
        _measure(as_of, returns, View(window=window, without_bitcoin=without))
        for window in correlations.WINDOWS
        for without in (False, True)
    )


def _measure(as_of: date, returns: Returns, view: View) -> ClusterDay:
    found = correlations.correlate(returns, view)
    known, joined = correlations.cluster(found, view)
    shares = np.ones(len(joined.labels))
    if len(np.unique(joined.labels)) < len(joined.labels):  # else no two are one bet
        columns = [found.assets.index(asset) for asset in known.assets]
        stability = clusters.stability(
            correlations.seen(returns, view)[:, columns],
            joined.labels,
            threshold=clusters.RESIDUAL_THRESHOLD if view.without_bitcoin else clusters.THRESHOLD,
            min_overlap=known.needed,
        )
        shares = stability.share[joined.labels]
    return ClusterDay(
        as_of=as_of,
        window=view.window,
        without_bitcoin=view.without_bitcoin,
        asset_ids=[asset.pk for asset in known.assets],
        labels=joined.labels.tolist(),
        shares=shares.tolist(),
    )
