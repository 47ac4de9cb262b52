"""How far positions, and categories as a whole, have strayed from their targets, and may stray."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.core import bands, category_targets, rebalancing
from analytics.core.category_targets import ResolvedTargets
from analytics.selectors.positions import Positions

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tolerances:
    """b portfolios over n positions, then g categories; fractions of the portfolio.

    What is not judged has no drift. Where `is_uniform`, all bands of the portfolio are `band`.
    """

    drift: Floats  # (b, n + g)
    half_widths: Floats  # (b, n + g)
    is_judged: NDArray[np.bool_]  # (b, g) categories with a target or a band of their own
    is_uniform: NDArray[np.bool_]  # (b,)
    default: Floats  # (b,) the band of a position without rules

    @property
    def breached(self) -> NDArray[np.bool_]:
        """(b,)"""
        outside = rebalancing.breached(self.drift, self.half_widths)
        return np.asarray(outside.any(axis=1))

    def worst(self) -> tuple[Floats, Floats]:
        """The unsigned drift (b,) that is the largest in terms of its band, and that band (b,)."""
        if not self.drift.shape[1]:
            return np.zeros(len(self.drift)), self.default
        distance = np.abs(self.drift)
        column = np.argmax(distance / self.half_widths, axis=1)
        rows = np.arange(len(column))
        furthest = distance[rows, column]
        return furthest, np.where(furthest > 0, self.half_widths[rows, column], self.default)


def measure(
    positions: Positions,
    weights: Floats,
    targets: ResolvedTargets,
    *,
    judged: NDArray[np.bool_],
    high_volatility: bool,
) -> Tolerances:
    """Drift and band of every position and category of the portfolios that are `judged` (b,)."""
    whole, whole_targets, is_judged = _categories(positions, weights, targets)
    widths = _Widths(positions, high_volatility)
    drift = np.where(
        targets.from_category, 0.0, rebalancing.drift(weights, targets.weights)
    )  # inside a category nothing drifts: there the mix may be what it is
    as_a_whole = np.where(is_judged, whole - whole_targets, 0.0)
    return Tolerances(
        drift=np.hstack([drift, as_a_whole]) * judged[:, None],
        half_widths=np.hstack(
            [widths.of_positions(targets.weights), widths.of_categories(whole_targets)]
        ),
        is_judged=is_judged,
        is_uniform=widths.is_uniform,
        default=widths.default,
    )


def _categories(
    positions: Positions, weights: Floats, targets: ResolvedTargets
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Weight and target (b, g) of each category as a whole, and whether it is judged.

    A category without a target of its own aims for what its assets aim for together.
    """
    wanted = positions.category_targets
    count = len(wanted.category_ids)
    has_target = wanted.weights > 0
    if not count:
        return wanted.weights, wanted.weights, has_target
    covered = targets.from_category
    held = category_targets.category_weights(weights, covered, wanted.columns, count)
    if positions.rules is None:
        return held, wanted.weights, has_target
    rules = positions.rules
    has_band = ~(np.isnan(rules.category_bands) & np.isnan(rules.category_relative_bands))
    everything = np.ones_like(covered)
    together = category_targets.category_weights(weights, everything, wanted.columns, count)
    aimed = category_targets.category_weights(targets.weights, everything, wanted.columns, count)
    held = np.where(has_target, held, together)
    return held, np.where(has_target, wanted.weights, aimed), has_target | has_band


class _Widths:
    """The half-widths of bands: of the portfolio, or of a rule where there is one.

    While volatility is high all of them are wider, in the proportion of the portfolio's two.
    """

    def __init__(self, positions: Positions, high_volatility: bool) -> None:
        self.rules = positions.rules
        self.default = positions.wide_bands if high_volatility else positions.tolerance_bands
        self.wider = self.default / positions.tolerance_bands
        self.relative = positions.relative_bands * self.wider
        self.is_uniform = np.isnan(self.relative)
        if self.rules is not None:
            for said in (
                self.rules.bands,
                self.rules.relative_bands,
                self.rules.category_bands,
                self.rules.category_relative_bands,
            ):
                self.is_uniform = self.is_uniform & np.isnan(said).all(axis=1)

    def of_positions(self, targets: Floats) -> Floats:
        rules = self.rules
        return self._widths(
            targets, *((rules.bands, rules.relative_bands) if rules is not None else (None, None))
        )

    def of_categories(self, targets: Floats) -> Floats:
        rules = self.rules
        said = (rules.category_bands, rules.category_relative_bands) if rules else (None, None)
        return self._widths(targets, *said)

    def _widths(self, targets: Floats, own: Floats | None, own_relative: Floats | None) -> Floats:
        widths = np.repeat(self.default[:, None], targets.shape[1], axis=1)
        legged = np.flatnonzero(~np.isnan(self.relative))
        widths[legged] = bands.half_widths(
            targets[legged], self.default[legged], self.relative[legged]
        )
        if own is None or own_relative is None:
            return widths
        # A rule's own absolute band stands alone; its relative one narrows whichever holds.
        has_own = ~np.isnan(own)
        limit = np.where(has_own, own * self.wider[:, None], self.default[:, None])
        widths = np.where(has_own, limit, widths)
        part = own_relative * self.wider[:, None] * targets
        narrows = ~np.isnan(own_relative) & (targets > 0)
        return np.where(narrows, np.minimum(part, limit), widths)
