"""The article's eight questions and five mistakes, each with what was measured of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from analytics.models import ClaimDay, SwitchingReview
from analytics.selectors import answers, compositions, mistakes, reviews
from analytics.selectors.answers import Answer, Answerer
from analytics.selectors.checklist import Composition
from analytics.selectors.mistakes import Mistake
from analytics.selectors.portfolio_pages import Reading
from portfolios.models import Portfolio
from portfolios.models.assets import CORE
from portfolios.templatetags.figures import percent, ratio


@dataclass(frozen=True)
class Question:
    """A question of the article, and its own answer in short."""

    key: str
    title: str
    claim: str
    answer: Answerer


QUESTIONS = (
    Question(
        "balanced",
        "What is a balanced crypto portfolio?",
        "One spread over kinds of assets, which survives the crash of a sector; 30 to 40 % smaller "
        "falls.",
        answers.balanced,
    ),
    Question(
        "calculation",
        "How does AI help build better crypto portfolios?",
        "It processes far more than a human can, and produces more robust portfolios.",
        answers.calculation,
    ),
    Question(
        "bitcoin",
        "What percentage should I allocate to Bitcoin?",
        "40 to 60 %, for its lower volatility.",
        answers.bitcoin_share,
    ),
    Question(
        "how-many",
        "How many crypto assets should I hold?",
        "8 to 15 capture most of the benefit of diversification.",
        answers.how_many,
    ),
    Question(
        "stablecoins",
        "Should I include stablecoins in my portfolio?",
        "Yes, 10 to 20 %: they reduce volatility and can earn a yield.",
        answers.stablecoins,
    ),
    Question(
        "rebalancing",
        "How often should I rebalance my crypto portfolio?",
        "Monthly works well in normal markets, weekly in high volatility.",
        answers.rebalancing,
    ),
    Question(
        "false-diversification",
        "What is the biggest mistake in crypto portfolio building?",
        "False diversification: five altcoins that move with Bitcoin are one position.",
        answers.false_diversification,
    ),
    Question(
        "bear-markets",
        "Can AI help during bear markets?",
        "Yes: 30 to 40 % smaller falls than portfolios managed by hand.",
        answers.bear_markets,
    ),
)
MISTAKES = (
    Question(
        "chasing",
        "Chasing narratives",
        "Rotating into whatever is hot destroys the balance.",
        answers.chasing,
    ),
    Question(
        "correlation",
        "Ignoring correlation",
        "Fifteen coins do not diversify if they all move together.",
        answers.ignoring_correlation,
    ),
    Question(
        "buffer",
        "No stablecoin buffer",
        "All in risk means deeper falls and nothing left to buy with.",
        answers.no_buffer,
    ),
    Question(
        "rebalancing-never",
        "Never rebalancing",
        "Winners that grow unchecked concentrate the risk.",
        answers.never_rebalancing,
    ),
    Question(
        "diversification",
        "Over-diversification",
        "30 and more assets add complexity and no diversification.",
        answers.over_diversification,
    ),
)


@dataclass(frozen=True)
class Answered:
    question: Question
    answer: Answer | None
    own: str = ""  # the same of the reader's portfolio


@dataclass(frozen=True)
class Page:
    day: ClaimDay | None
    questions: Sequence[Answered]
    mistakes: Sequence[Answered]


def read(*, as_of: date | None, own: Mapping[str, str]) -> Page:
    """The answers of the newest night up to `as_of`; without one, the questions alone."""
    day = ClaimDay.objects.filter(as_of__lte=as_of).first() if as_of else None
    figures = dict(day.figures) if day else {}
    if day and (switching := SwitchingReview.objects.filter(as_of=day.as_of).first()):
        figures["switching"] = switching.policies
        figures["switching_since"] = f"{switching.since}"

    def answered(question: Question) -> Answered:
        answer = question.answer(figures) if day else None
        return Answered(question, answer, own.get(question.key, ""))

    return Page(day, [*map(answered, QUESTIONS)], [*map(answered, MISTAKES)])


def own_figures(portfolio: Portfolio, reading: Reading) -> dict[str, str]:
    """What the same questions come to in one portfolio, by their keys."""
    composition = compositions.read(portfolio, reading)
    clusters = reviews.hidden_clusters(as_of=reading.run.as_of)
    made = mistakes.look(portfolio, composition, clusters, as_of=reading.run.as_of)
    return _facts(composition) | {_key(mistake): _told(mistake) for mistake in made}


def _facts(composition: Composition) -> dict[str, str]:
    count = len(composition.parts)
    core = [part for part in composition.parts if part.asset.coingecko_id == CORE[0]]
    told = {
        "how-many": f"{count} position{'' if count == 1 else 's'}.",
        "stablecoins": f"{percent(composition.stables)} % in stablecoins and cash.",
        "bitcoin": "No Bitcoin.",
    }
    for part in core:
        risk = part.share_of_risk
        carried = "" if risk is None else f" and {percent(risk)} % of the risk"
        told["bitcoin"] = f"{percent(part.weight)} % of the money{carried}."
    if composition.average_correlation is not None:
        average = ratio(composition.average_correlation)
        told["balanced"] = f"An average correlation of {average} among what is risky."
    return told


def _key(mistake: Mistake) -> str:
    return "rebalancing-never" if mistake.key == "rebalancing" else mistake.key


def _told(mistake: Mistake) -> str:
    return f"{mistake.verdict}. {mistake.evidence}"
