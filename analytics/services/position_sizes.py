"""One trade sized, with the article's verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analytics.core import position_sizes

# The article: 1-2 % for most trades, 3-5 % for the highest conviction, never more than 10 %.
USUAL_RISK, CONVICTION_RISK, LARGEST_RISK = 0.02, 0.05, 0.10
LEAST_REWARD = 2.0
ROUNDING = 1e-9


@dataclass(frozen=True)
class TakeProfit:
    price: float
    share: float
    change: float  # from the entry, a fraction
    profit: float  # after fees


@dataclass(frozen=True)
class Trade:
    is_long: bool
    account: float
    risk: float
    entry: float
    stop: float
    risk_amount: float
    quantity: float
    value: float
    stop_change: float  # as it counts for the trade: negative, long or short
    profit: float
    reward_to_risk: float
    break_even: float
    targets: Sequence[TakeProfit]

    @property
    def leverage(self) -> float | None:
        """How often the account would have to be borrowed; None where it suffices."""
        times = self.value / self.account
        return times if times > 1 + ROUNDING else None

    @property
    def meets_reward(self) -> bool:
        return self.reward_to_risk >= LEAST_REWARD - ROUNDING

    @property
    def verdict(self) -> str:
        if self.risk > LARGEST_RISK + ROUNDING:
            return "Too much at risk"
        if not self.meets_reward:
            return "Poor setup"
        return "Good setup" if self.risk <= USUAL_RISK + ROUNDING else "Good setup, large risk"

    @property
    def risk_rule(self) -> str:
        if self.risk > LARGEST_RISK + ROUNDING:
            return "The article never risks more than 10 % on a single position."
        if self.risk > CONVICTION_RISK + ROUNDING:
            return "That is more than the 3–5 % that the article keeps for its highest conviction."
        if self.risk > USUAL_RISK + ROUNDING:
            return "Beyond 2 % the article wants the highest conviction and a clear catalyst."
        return ""


def size(asked: Mapping[str, Any]) -> Trade:
    """The trade that a valid PositionSizeForm asks for. Raises CoreError where floats fail."""
    prices = [price for price, _ in asked["targets"]]
    shares = [share for _, share in asked["targets"]]
    account, risk = float(asked["account"]), float(asked["risk"]) / 100
    entry, stop = float(asked["entry"]), float(asked["stop"])
    found = position_sizes.size(
        [account], [risk], [entry], [stop], [prices],
        target_shares=[shares], fee_rate=float(asked["fee"] or 0) / 100,
    )  # fmt: skip
    changes, profits = found.target_returns[0].tolist(), found.profits[0].tolist()
    return Trade(
        is_long=bool(found.is_long[0]),
        account=account,
        risk=risk,
        entry=entry,
        stop=stop,
        risk_amount=float(found.risk_amount[0]),
        quantity=float(found.quantity[0]),
        value=float(found.value[0]),
        stop_change=float(found.stop_return[0]),
        profit=float(found.profit[0]),
        reward_to_risk=float(found.reward_to_risk[0]),
        break_even=float(found.break_even[0]),
        targets=[TakeProfit(*each) for each in zip(prices, shares, changes, profits, strict=True)],
    )
