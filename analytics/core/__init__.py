"""The numeric core: arrays in, frozen dataclasses out, numpy, scipy and clarabel only.

Where things are
    The market: returns, volatility, covariance (shrinkage, covariance_series,
    nearest_correlation), correlation, market_mode, pairs, clusters, regimes (regime_signals,
    breadth, hysteresis), relative_strength.
    A portfolio's risk and return: risk, tail_risk, weight_paths, drawdowns, cash_shares,
    performance, sharpe_ratios, rates_of_return.
    Its weights: risk_budgets, mean_variance (feasibility, active_sets, optimality),
    hierarchical_risk_parity, equilibrium.
    Its trades: bands, rebalancing (self_financing), cash_trades, category_targets, orders, costs,
    sale_plans, position_sizes; and past ones: backtests (backtest_trades).
    Under all of them: arrays, batches, moving_sums, errors.
    docs/methods.md says how each computes what it tells, and what proves it.

The policy below holds for every function of the package; docstrings state only what differs.

Units
    Returns, weights, bands, fees, volatilities and percentiles are fractions (0.05 is 5 %).
    Money is float64 in one currency, chosen by the caller.
Days
    A row is a UTC close, oldest first. The market never closes, so a year has 365 of them.
Batches
    The leading axis counts portfolios. A portfolio computed alone equals the same one in a batch.
NaN
    Refused, as is infinity, unless a function says that NaN means "not observed". No gap is ever
    filled, and nothing returns NaN unless its docstring says where and why.
Errors
    Input is checked once, on entry. A core refuses instead of guessing: it raises a named
    ``errors.CoreError`` that tells the column, row or bound at fault. Which assets are eligible
    and how gaps are treated is for the calling service to decide.
"""

from typing import Final

DAYS_PER_YEAR: Final = 365
