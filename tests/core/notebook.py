"""States as somebody writes them down who sees one day after the other, and never a later one."""

from collections.abc import Iterable

import numpy as np

from analytics.core.hysteresis import Thresholds


def notebook(
    series: Iterable[float], thresholds: Thresholds, *, confirmation_days: int, memory_days: int
) -> list[int]:
    """Day by day, with the streaks of the four thresholds, the state and the days it is unseen."""
    nowhere = (np.inf, -np.inf)
    enter_high, leave_high = thresholds.high or nowhere
    enter_low, leave_low = thresholds.low or (-np.inf, np.inf)
    into_high = out_of_high = into_low = out_of_low = state = unseen = 0
    written = []
    for value in series:
        into_high = (into_high + 1) * (value >= enter_high)
        out_of_high = (out_of_high + 1) * (value < leave_high)
        into_low = (into_low + 1) * (value <= enter_low)
        out_of_low = (out_of_low + 1) * (value > leave_low)
        unseen = (unseen + 1) * np.isnan(value)
        if unseen > memory_days:
            state = 0
        if state == 1 and out_of_high >= confirmation_days:
            state = 0
        if state == -1 and out_of_low >= confirmation_days:
            state = 0
        if into_high >= confirmation_days:
            state = 1
        if into_low >= confirmation_days:
            state = -1
        written.append(0 if unseen else state)
    return written
