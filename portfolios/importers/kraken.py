"""What Kraken calls assets and pairs in its exports."""

from portfolios.importers.entries import FIAT, RowRefused

ALIASES = {"XBT": "BTC", "XXBT": "BTC", "XDG": "DOGE", "XXDG": "DOGE", "ETH2": "ETH"}
# Coins from before Kraken dropped the X of coins and the Z of currencies.
OLD_COINS = {
    "XETC", "XETH", "XICN", "XLTC", "XMLN", "XNMC", "XREP", "XXLM", "XXMR", "XXRP", "XXVN", "XZEC",
}  # fmt: skip
# Staked, bonded or on hold: the same asset in another place.
SUFFIXES = ("S", "M", "F", "B", "P", "HOLD", "T")
# Longest first, so that a pair ends in USDT and not in T.
QUOTES = (
    "ZEUR", "ZUSD", "ZGBP", "ZCAD", "ZJPY", "ZAUD", "XXBT", "XETH", "USDT", "USDC", "PYUSD", "USDG",
    "EUR", "USD", "GBP", "CAD", "JPY", "AUD", "CHF", "AED", "XBT", "BTC", "ETH", "DAI", "DOT",
)  # fmt: skip


def asset(name: str) -> str:
    """The ticker that everybody else uses."""
    stem, _, suffix = name.upper().partition(".")
    if suffix and suffix not in SUFFIXES:
        stem = name.upper()
    stem = ALIASES.get(stem, stem)
    if stem in OLD_COINS or (stem[:1] == "Z" and stem[1:] in FIAT):
        return ALIASES.get(stem[1:], stem[1:])
    return stem


def pair(name: str) -> tuple[str, str]:
    """The base and the quote of a pair such as XXBTZEUR, XBTUSDC or SOL/EUR."""
    base, slash, quote = name.upper().partition("/")
    if slash and base and quote:
        return asset(base), asset(quote)
    for end in QUOTES:
        if name.upper().endswith(end) and len(name) > len(end) + 1:
            return asset(name[: -len(end)]), asset(end)
    raise RowRefused(f"“{name[:40]}” is not a pair that is known here.")
