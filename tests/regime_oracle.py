"""The signals of a regime, written a second time."""

import numpy as np
import pandas as pd


def in_pandas(market: pd.DataFrame) -> pd.DataFrame:
    """The signals again, as somebody would write them in a notebook."""
    close = market.close
    deviation = close.pct_change(fill_method=None).rolling(30).std() * np.sqrt(365)
    true_range = pd.concat(
        [
            market.high - market.low,
            (market.high - close.shift()).abs(),
            (market.low - close.shift()).abs(),
        ],
        axis=1,
    ).max(axis=1, skipna=False)
    wilder = true_range.iloc[1:].copy()
    wilder.iloc[13] = wilder.iloc[:14].mean()
    wilder.iloc[:13] = np.nan
    wilder.iloc[13:] = wilder.iloc[13:].ewm(alpha=1 / 14, adjust=False).mean()
    average = wilder.reindex(close.index)
    inflow, outflow = market.exchange_inflow, market.exchange_outflow
    return pd.DataFrame(
        {
            "trend": close / close.rolling(200).mean() - 1,
            "drawdown": close / close.cummax() - 1,
            "realised_volatility": deviation,
            "true_range": average / average.rolling(100).mean() - 1,
            "dominance_change": market.dominance - market.dominance.shift(30),
            "volume_trend": market.volume.rolling(30).mean() / market.volume.rolling(200).mean()
            - 1,
            "funding": market.funding.rolling(7).mean() * 3 * 365,
            "volatility_premium": market.implied_volatility - deviation,
            "active_addresses": market.active_addresses.rolling(30).mean()
            / market.active_addresses.rolling(200).mean()
            - 1,
            "exchange_flow": (inflow - outflow).rolling(30).sum()
            / (inflow + outflow).rolling(30).sum(),
            "fear_greed": market.fear_greed,
        }
    )
