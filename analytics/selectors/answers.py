"""The article's questions and mistakes, answered from the figures of a ClaimDay. Pure words.

Each takes the figures and says what they came to; None where they lack what it needs. Whether the
article is right is decided by rules on the figures, so another market may well decide otherwise.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from portfolios.templatetags.figures import DASH, percent, price, ratio, score, signed_percent

Figures = Mapping[str, Any]

HOLDS, IN_PART, FAILS = "Holds here", "Holds in part", "Does not hold here"
MODELS = {"conservative": "Conservative", "moderate": "Moderate", "aggressive": "Aggressive"}
# The largest fall that the article promises each profile.
LIMITS = {"conservative": 0.20, "moderate": 0.35, "aggressive": 0.50}
CLAIMED_SMALLER = 0.30  # falls, by the article's lowest figure
CLAIMED_TRAP = (0.85, 0.91)
CADENCES = {
    "never": "Never",
    "weekly": "Every Monday",
    "monthly": "The first of each month",
    "quarterly": "The first of each quarter",
    "band-5": "Outside ± 5 points",
    "band-10": "Outside ± 10 points",
}


@dataclass(frozen=True)
class Column:
    title: str
    term: str = ""  # of the glossary


@dataclass(frozen=True)
class Table:
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]

    @property
    def cells(self) -> list[list[tuple[Column, str]]]:
        """Each row's cells with their columns."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Answer:
    """What was measured, whether the article's claim holds in it, and the figures behind it."""

    words: Sequence[str]
    verdict: str = ""  # empty: it claims no figure
    table: Table | None = None


FALL = Column("Worst fall, %", "max_drawdown")
VOLATILITY = Column("Volatility, % a year", "volatility")
GROWTH = Column("Growth, % a year", "growth")


def _policies(figures: Figures, prefix: str) -> dict[str, Figures]:
    return {
        name.removeprefix(prefix): row
        for name, row in figures["policies"].items()
        if name.startswith(prefix)
    }


def _fall(row: Figures) -> float:
    return -float(row["max_drawdown"])


def _smaller(fall: float, than: float) -> str:
    """By how much a fall is smaller, as the article counts it: as a part of the other fall."""
    share = _saved(fall, than)
    return f"{percent(abs(share))} % {'smaller' if share >= 0 else 'larger'}"


def _saved(fall: float, than: float) -> float:
    return 1 - fall / than if than > 0 else 0.0


def _graded(fall: float, than: float) -> str:
    """Whether a fall is smaller by as much as the article says."""
    saved = _saved(fall, than)
    return HOLDS if saved >= CLAIMED_SMALLER else IN_PART if saved > 0 else FAILS


# --- The questions --------------------------------------------------------------------------------


def balanced(figures: Figures) -> Answer | None:
    policies, bitcoin = figures["policies"], figures["policies"]["bitcoin-100"]
    told = _policies(figures, "model-")
    models = {slug: told[slug] for slug in MODELS if slug in told}
    alts, middle = policies.get("alts"), models.get("moderate")
    if not models or middle is None or alts is None:
        return None
    fall, worst = _fall(middle), _fall(alts)
    kept = [slug for slug, row in models.items() if _fall(row) <= LIMITS[slug]]
    words = [
        f"The moderate model fell {percent(fall)} % at worst. Eight large altcoins in equal parts "
        f"fell {percent(worst)} %, Bitcoin alone {percent(_fall(bitcoin))} %: its fall was "
        f"{_smaller(fall, worst)} than theirs and {_smaller(fall, _fall(bitcoin))} than Bitcoin’s. "
        "The article promises 30 to 40 %.",
        f"{len(kept)} of the {len(models)} models stayed within the fall that their profile is "
        "promised (20, 35 and 50 %).",
    ]
    rows = [
        _model_row(MODELS[slug], row, figures["models"].get(slug)) for slug, row in models.items()
    ]
    rows += [_model_row("Bitcoin alone", bitcoin, None), _model_row("Eight altcoins", alts, None)]
    columns = (
        Column("Portfolio"), FALL, VOLATILITY, Column("Correlation to Bitcoin", "correlation"),
        Column("Positions"), Column("Effective bets", "effective_bets"),
    )  # fmt: skip
    table = Table("The article’s models", columns, rows)
    return Answer(words, _graded(fall, worst), table)


def _model_row(name: str, row: Figures, model: Figures | None) -> list[str]:
    return [
        name,
        percent(row["max_drawdown"]),
        percent(row["volatility"]),
        ratio(row["correlation"]),
        str(model["positions"]) if model else DASH,
        score(model["effective_bets"]) if model else DASH,
    ]


def calculation(figures: Figures) -> Answer | None:
    coins = figures.get("coins")
    if not coins:
        return None
    return Answer(
        [
            "What helps is arithmetic that nobody does by hand, and no mind behind it: this site "
            f"correlates {coins} coins in {coins * (coins - 1) // 2} pairs every night, splits the "
            "risk of each portfolio over its positions, and compares what rebalancing brings with "
            "what it costs. Every formula is on the page “Figures explained”.",
            "“More robust portfolios” is no figure that could be measured. What switching "
            "by market "
            "regime would have earned is, and stands on the market page with its costs.",
        ]
    )


def bitcoin_share(figures: Figures) -> Answer | None:
    mixes = {int(share): row for share, row in _policies(figures, "bitcoin-").items()}
    if len(mixes) < 2 or "bitcoin_volatility" not in figures:
        return None
    own, median = figures["bitcoin_volatility"], figures["median_volatility"]
    shares = sorted(mixes)
    falls = [_fall(mixes[share]) for share in shares]
    calmer = "Each step towards Bitcoin made the worst fall of the mix smaller in these years."
    if falls != sorted(falls, reverse=True):
        calmer = "More Bitcoin did not make the worst fall of the mix smaller at every step."
    words = [
        f"Bitcoin’s volatility is {percent(own)} % a year, that of the coin in the middle of "
        f"{figures['coins']} is {percent(median)} %. {_carried(figures['models'])}",
        f"{calmer} The article says 40 to 60 % here and 30 to 50 % in its table of categories, and "
        "its own models hold 45, 35 and 25 %: they contradict each other.",
    ]
    columns = (Column("Bitcoin, %"), FALL, VOLATILITY, GROWTH)
    table = Table("Bitcoin, the rest in eight altcoins", columns, _by_share(mixes))
    return Answer(words, HOLDS if own < median else FAILS, table)


def _carried(models: Figures) -> str:
    told = [
        f"{percent(models[slug]['bitcoin'])} % of the money and "
        f"{percent(models[slug]['bitcoin_risk'])} % of the risk in the {slug} model"
        for slug in MODELS
        if slug in models
    ]
    return f"It is {', '.join(told)}." if told else ""


def _by_share(mixes: Mapping[int, Figures]) -> list[list[str]]:
    return [
        [
            str(share),
            percent(row["max_drawdown"]),
            percent(row["volatility"]),
            signed_percent(row["cagr"]),
        ]
        for share, row in sorted(mixes.items())
    ]


def how_many(figures: Figures) -> Answer | None:
    curve = figures.get("curve", ())
    by_count = {row["positions"]: row for row in curve}
    if not {1, 8, 15} <= by_count.keys():
        return None
    one, eight, fifteen = (by_count[n]["volatility"] for n in (1, 8, 15))
    words = [
        f"Equal parts of eight coins drawn at random have a volatility of {percent(eight)} "
        "% a year "
        f"on average, one coin {percent(one)} %. From eight to fifteen it falls by another "
        f"{percent(eight - fifteen)} points, to {percent(fifteen)} %.",
        "So few coins do capture most of the benefit, because there is little of it: with "
        "an average "
        f"correlation of {ratio(figures['average_correlation'])} even fifteen coins are "
        f"{score(by_count[15]['effective_bets'])} independent bets.",
    ]
    rows = [
        [str(row["positions"]), percent(row["volatility"]), score(row["effective_bets"])]
        for row in curve
    ]
    columns = (
        Column("Coins"), Column("Volatility, % a year", "portfolio_volatility"),
        Column("Effective bets", "effective_bets"),
    )  # fmt: skip
    verdict = HOLDS if eight - fifteen < one - eight else FAILS
    return Answer(words, verdict, Table("Coins drawn at random, in equal parts", columns, rows))


def stablecoins(figures: Figures) -> Answer | None:
    mixes = {int(share): row for share, row in _policies(figures, "stables-").items()}
    if not {0, 10, 20} <= mixes.keys():
        return None
    none, some = mixes[0], mixes[20]
    words = [
        "With no stablecoins the moderate model’s other positions fell "
        f"{percent(_fall(none))} % at worst; with 10 % of them {percent(_fall(mixes[10]))} %, with "
        f"20 % {percent(_fall(some))} %. "
        f"Volatility went from {percent(none['volatility'])} to {percent(some['volatility'])} % a "
        "year.",
        _kept_within(mixes),
        "A stablecoin is not cash. " + (_off_peg(figures["pegs"]) or "None has lost its peg here."),
        "The 3 to 8 % that lending may earn is an assumption of the article; nothing of it is in "
        "these figures.",
    ]
    columns = (Column("Stablecoins, %"), FALL, VOLATILITY, GROWTH)
    verdict = HOLDS if some["volatility"] < none["volatility"] else FAILS
    table = Table("The moderate model with more stablecoins", columns, _by_share(mixes))
    return Answer(words, verdict, table)


def _kept_within(mixes: Mapping[int, Figures]) -> str:
    """How many stablecoins would have kept each profile's promise, in steps of ten points."""
    shares = {
        slug: next((n for n in sorted(mixes) if _fall(mixes[n]) <= limit), None)
        for slug, limit in LIMITS.items()
    }
    told = [
        f"{percent(LIMITS[slug])} % with {share} % of stablecoins"
        if share is not None
        else f"{percent(LIMITS[slug])} % with no share of them up to {max(mixes)} %"
        for slug, share in shares.items()
    ]
    return f"The promised largest falls were kept, in steps of ten points: {'; '.join(told)}."


def _off_peg(pegs: Iterable[Figures]) -> str:
    return " ".join(
        f"{peg['symbol']} closed at {price(peg['lowest'])} US dollars on "
        f"{date.fromisoformat(peg['on']):%-d %B %Y}, and more than 1 % off its peg on "
        f"{peg['days_off']} of {peg['days']} days."
        for peg in pegs
        if peg["days_off"]
    )


def rebalancing(figures: Figures) -> Answer | None:
    ways = {name: row for name, row in figures["policies"].items() if name in CADENCES}
    if ways.keys() != CADENCES.keys():
        return None
    never, monthly, band = ways["never"], ways["monthly"], ways["band-5"]
    best = max((name for name in ways if name != "never"), key=lambda name: ways[name]["cagr"])
    words = [
        f"Monthly rebalancing grew {signed_percent(monthly['cagr'])} % a year after costs, with a "
        f"worst fall of {percent(_fall(monthly))} %; never rebalancing "
        f"{signed_percent(never['cagr'])}"
        f" % with a fall of {percent(_fall(never))} %. Bands of 5 points needed "
        f"{score(band['rebalances_a_year'])} rebalances a year and grew "
        f"{signed_percent(band['cagr'])} %.",
        f"Of those that rebalance, “{CADENCES[best].lower()}” grew most in these years. That is "
        "hindsight of six ways tried on one past; what differs reliably is how much is traded.",
    ]
    better = (monthly["cagr"] >= never["cagr"]) + (_fall(monthly) <= _fall(never))
    rows = [
        [CADENCES[name], signed_percent(row["cagr"]), percent(row["max_drawdown"]),
         percent(row["volatility"]), score(row["rebalances_a_year"]),
         percent(row["turnover_a_year"])]
        for name, row in ((name, ways[name]) for name in CADENCES)
    ]  # fmt: skip
    columns = (
        Column("Rebalanced"), GROWTH, FALL, VOLATILITY, Column("Times a year"),
        Column("Turnover, % a year", "one_way_turnover"),
    )  # fmt: skip
    table = Table("The moderate model, brought back in six ways", columns, rows)
    return Answer(words, (FAILS, IN_PART, HOLDS)[better], table)


def false_diversification(figures: Figures) -> Answer | None:
    alike = figures.get("alike")
    if alike is None or None in alike["correlations"]:
        return None
    low, high = min(alike["correlations"]), max(alike["correlations"])
    words = [
        f"{', '.join(alike['symbols'])} in equal parts are {score(alike['effective_bets'])} "
        f"independent bets, not five. Eight altcoins are {score(alike['alts_effective_bets'])}.",
        f"They move with Bitcoin less than the article says: the correlations of the last year are "
        f"{ratio(low)} to {ratio(high)}, it names {ratio(CLAIMED_TRAP[0])} to "
        f"{ratio(CLAIMED_TRAP[1])}. What they share is mostly one another."
        if high < CLAIMED_TRAP[0]
        else f"Their correlations to Bitcoin in the last year are {ratio(low)} to {ratio(high)}.",
    ]
    rows = [
        [symbol, ratio(rho)]
        for symbol, rho in zip(alike["symbols"], alike["correlations"], strict=True)
    ]
    columns = (Column("Coin"), Column("Correlation to Bitcoin", "correlation"))
    few = alike["effective_bets"] < len(alike["symbols"]) / 2
    verdict = (HOLDS if high >= CLAIMED_TRAP[0] else IN_PART) if few else FAILS
    return Answer(words, verdict, Table("The article’s trap, over the last year", columns, rows))


def bear_markets(figures: Figures) -> Answer | None:
    switching = {row["name"]: row for row in figures.get("switching", ())}
    hold, leave = switching.get("hold_bitcoin"), switching.get("leave_bear")
    if hold is None or leave is None:
        return None
    since = date.fromisoformat(figures["switching_since"])
    words = [
        "One way of it can be measured: to hold Bitcoin and wait in cash while the regime is a "
        f"bear market. Since {since:%-d %B %Y} its worst fall was {percent(_fall(leave))} %, that "
        f"of holding on {percent(_fall(hold))} %: {_smaller(_fall(leave), _fall(hold))}. It grew "
        f"{signed_percent(leave['cagr'])} % a year, holding on {signed_percent(hold['cagr'])} %, "
        "after costs.",
        "The article’s “30 to 40 % smaller” names no study, no years and no portfolios. "
        "Nothing here knows what people who manage by hand would have done.",
    ]
    return Answer(words, _graded(_fall(leave), _fall(hold)))


# --- The mistakes ---------------------------------------------------------------------------------


def chasing(figures: Figures) -> Answer | None:
    chased = figures.get("chased")
    if chased is None:
        return None
    words = [
        f"In {chased['cases']} cases a coin had just risen as in the steepest tenth of its year. "
        f"90 days later the one in the middle was {signed_percent(chased['median'])} points "
        "against "
        f"Bitcoin, and {percent(chased['ahead'])} % were ahead of it. In the "
        f"{chased['usual_cases']} "
        f"other cases it was {signed_percent(chased['usual_median'])} points and "
        f"{percent(chased['usual_ahead'])} %.",
        "Looked at once a month, so cases overlap and are far from independent; coins that "
        "have died "
        "and left the list would make both look worse.",
    ]
    return Answer(words, HOLDS if chased["median"] < chased["usual_median"] else FAILS)


def ignoring_correlation(figures: Figures) -> Answer | None:
    calm, stressed = figures.get("calm"), figures.get("stressed")
    if calm is None or stressed is None:
        return None
    words = [
        f"The average correlation of all {figures['coins']} coins was {ratio(calm)} on the "
        "calm days "
        f"of the last year and {ratio(stressed)} on Bitcoin’s wildest tenth of days. "
        + (
            "They move together most when it matters; a part of that follows from picking days by "
            "their size alone."
            if stressed > calm
            else "They did not move together more when it mattered."
        )
    ]
    return Answer(words, HOLDS if stressed > calm else IN_PART)


def no_buffer(figures: Figures) -> Answer | None:
    mixes = _policies(figures, "stables-")
    if not {"0", "20"} <= mixes.keys():
        return None
    none, some = mixes["0"], mixes["20"]
    so = (
        "the buffer cost growth here, and was no shield."
        if some["cagr"] < none["cagr"]
        else "the buffer cost no growth here."
    )
    words = [
        f"Without stablecoins the worst fall was {percent(_fall(none))} %, with 20 % of them "
        f"{percent(_fall(some))} %: {_smaller(_fall(some), _fall(none))}. Growth was "
        f"{signed_percent(none['cagr'])} and {signed_percent(some['cagr'])} % a year: {so}"
    ]
    return Answer(words, HOLDS if _fall(some) < _fall(none) else FAILS)


def never_rebalancing(figures: Figures) -> Answer | None:
    grown = figures.get("grown")
    if grown is None:
        return None
    words = [
        f"Left alone, the moderate model’s {percent(grown['target'])} % of {grown['asset']} became "
        f"{percent(grown['weight'])} % of it by {date.fromisoformat(grown['on']):%-d %B %Y}.",
        "A position of 10 % that grows fivefold while all else stays becomes "
        f"{percent(0.5 / 1.4)} %, not the article’s 33 %.",
    ]
    return Answer(words, HOLDS if grown["weight"] > 2 * grown["target"] else IN_PART)


def over_diversification(figures: Figures) -> Answer | None:
    curve = figures.get("curve", ())
    if len(curve) < 2 or curve[-1]["positions"] < 15:
        return None
    last, before = curve[-1], curve[-2]
    gained = before["volatility"] - last["volatility"]
    words = [
        f"From {before['positions']} to {last['positions']} coins the volatility falls by "
        f"{percent(gained)} points a year, and the independent bets rise from "
        f"{score(before['effective_bets'])} to {score(last['effective_bets'])}."
    ]
    if last["positions"] < 30:
        words.append("Fewer than 30 coins are measured here, so the article’s 30 are not judged.")
    return Answer(words, HOLDS if gained < curve[0]["volatility"] / 20 else IN_PART)


Answerer = Callable[[Figures], Answer | None]
