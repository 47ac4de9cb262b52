"""The article's five quarterly questions, answered with figures, and set beside the last time's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import QuerySet

from analytics.models import AssetDay, QuarterlyReview, RegimeDay
from analytics.selectors import compositions, regimes
from analytics.selectors.checklist import Composition
from analytics.selectors.portfolio_pages import Reading
from portfolios.models import Asset, Portfolio

EVERY = timedelta(days=91)
REDUNDANT = 0.85  # where the article begins to call two coins one position
PAIRS, LOOKED_AT, NEW_ASSETS = 3, 10, 3
WORTH_A_LOOK_TO_RANK = 100
Figure = dict[str, Any]


@dataclass(frozen=True)
class Question:
    key: str
    title: str
    words: str


QUESTIONS = (
    Question(
        "redundant",
        "Has any asset become redundant?",
        "Two positions that move alike are one. From a correlation of 0.85 on, ask whether you "
        "need both.",
    ),
    Question(
        "fundamentals",
        "Has anything changed with the assets?",
        "What prices say stands here; news, teams and code do not. Look those up.",
    ),
    Question(
        "risk",
        "Does any position dominate the risk?",
        "More than a third of the risk in one position is much, whatever its share of the money.",
    ),
    Question(
        "new",
        "Should anything be added?",
        "Of the hundred largest coins that you do not hold, those that moved least with Bitcoin "
        "over 180 days. Worth a look, no more.",
    ),
    Question(
        "stablecoins",
        "Are the stablecoins right for this regime?",
        "The article keeps 10 to 20 %, more while volatility is high or the market falls.",
    ),
)
KEYS = tuple(question.key for question in QUESTIONS)


# What a figure's key begins with, and its entry in the glossary.
TERMS = {
    "average": "average_correlation",
    "redundant": "correlation",
    "pair": "correlation",
    "change": "price_change",
    "category": "relative_strength",
    "risk": "share_of_risk",
    "new": "correlation",
    "powder": "stablecoin_share",
    "stables": "stablecoin_share",
    "regime": "regime",
    "opinion": "regime",
}


@dataclass(frozen=True)
class ComparedLine:
    key: str
    label: str
    kind: str
    now: Any
    before: Any  # None: it was not there

    @property
    def term(self) -> str:
        return TERMS[self.key.split("-")[0]]


@dataclass(frozen=True)
class Answer:
    question: Question
    lines: Sequence[ComparedLine]
    changes: bool
    note: str
    note_before: str


def figures(portfolio: Portfolio, reading: Reading) -> dict[str, list[Figure]]:
    """The computed answer to every question, at the reading's close."""
    composition, as_of = compositions.read(portfolio, reading), reading.run.as_of
    days = {
        day.asset_id: day
        for day in AssetDay.objects.filter(
            as_of=as_of, asset__in=[part.asset.pk for part in composition.parts]
        )
    }
    return {
        "redundant": list(_redundant(composition)),
        "fundamentals": list(_fundamentals(composition, days)),
        "risk": [
            _figure(f"risk-{p.asset.pk}", f"{p.asset.symbol}, share of risk", p.share_of_risk)
            for p in sorted(composition.parts, key=lambda p: -(p.share_of_risk or 0.0))[:PAIRS]
        ],
        "new": list(_new(composition, as_of)),
        "stablecoins": list(_stablecoins(composition, as_of)),
    }


def _figure(key: str, label: str, value: float | str | None, kind: str = "percent") -> Figure:
    return {"key": key, "label": label, "kind": kind, "value": value}


def _redundant(composition: Composition) -> Iterable[Figure]:
    symbols = {part.asset.pk: part.asset.symbol for part in composition.parts}
    yield _figure("average", "Average correlation", composition.average_correlation, "ratio")
    above = sum(rho >= REDUNDANT for rho in composition.pairs.values())
    yield _figure("redundant", f"Pairs at {REDUNDANT} or more", str(above), "text")
    closest = sorted(composition.pairs.items(), key=lambda pair: -pair[1])[:PAIRS]
    for (first, second), rho in closest:
        label = f"{symbols[first]} with {symbols[second]}"
        yield _figure(f"pair-{first}-{second}", label, rho, "ratio")


def _fundamentals(composition: Composition, days: dict[int, AssetDay]) -> Iterable[Figure]:
    largest = [part for part in composition.parts if not part.is_money][:LOOKED_AT]
    for part in largest:
        pk, symbol, day = part.asset.pk, part.asset.symbol, days.get(part.asset.pk)
        change = day.changes[1] if day else None
        against = day.against_category[1] if day else None
        yield _figure(f"change-{pk}", f"{symbol}, price over 90 days", change)
        yield _figure(f"category-{pk}", f"{symbol}, against its category", against)


def _new(composition: Composition, as_of: date) -> Iterable[Figure]:
    candidates = (
        AssetDay.objects.filter(
            as_of=as_of,
            close_on=as_of,
            correlation_180d__isnull=False,
            asset__is_active=True,
            asset__kind=Asset.Kind.COIN,
            asset__cap_rank__lte=WORTH_A_LOOK_TO_RANK,
        )
        .exclude(asset__in=[part.asset.pk for part in composition.parts])
        .select_related("asset")
        .order_by("correlation_180d")
    )
    for day in candidates[:NEW_ASSETS]:
        label = f"{day.asset.name} ({day.asset.symbol}), correlation to Bitcoin"
        yield _figure(f"new-{day.asset_id}", label, day.correlation_180d, "ratio")


def _stablecoins(composition: Composition, as_of: date) -> Iterable[Figure]:
    if composition.has_dry_powder:
        yield _figure("powder", "Stablecoins and cash", "dry powder, outside the weights", "text")
    else:
        yield _figure("stables", "Stablecoins and cash", composition.stables)
    told = RegimeDay.objects.filter(date=as_of).first()
    label = told.get_label_display() if told else "unknown"
    yield _figure("regime", "Regime", label, "text")
    opinion = regimes.OPINIONS.get(RegimeDay.Label(told.label)) if told else None
    yield _figure("opinion", "The article on this regime", opinion or "nothing", "text")


# --- What is stored -------------------------------------------------------------------------------


def finished(portfolio: Portfolio) -> QuerySet[QuarterlyReview]:
    return QuarterlyReview.objects.filter(portfolio=portfolio, finished_at__isnull=False)


def unfinished(portfolio: Portfolio) -> QuarterlyReview | None:
    return QuarterlyReview.objects.filter(portfolio=portfolio, finished_at=None).first()


def previous(review: QuarterlyReview) -> QuarterlyReview | None:
    """The last one that was finished before this one was begun."""
    return finished(review.portfolio).filter(created_at__lt=review.created_at).first()


def answers(review: QuarterlyReview, *, before: QuarterlyReview | None) -> list[Answer]:
    """Every question with its figures beside those of the review before, line by line."""
    return [_answer(question, review, before) for question in QUESTIONS]


def _answer(question: Question, review: QuarterlyReview, before: QuarterlyReview | None) -> Answer:
    now = review.figures.get(question.key, [])
    then = before.figures.get(question.key, []) if before else []
    values_then = {line["key"]: line["value"] for line in then}
    gone = [line for line in then if line["key"] not in {each["key"] for each in now}]
    lines = [
        _compared(line, now=line["value"], before=values_then.get(line["key"])) for line in now
    ] + [_compared(line, now=None, before=line["value"]) for line in gone]
    said = review.conclusions.get(question.key, {})
    said_before = before.conclusions.get(question.key, {}) if before else {}
    return Answer(
        question=question,
        lines=lines,
        changes=bool(said.get("changes")),
        note=said.get("note", ""),
        note_before=said_before.get("note", ""),
    )


def _compared(line: Figure, *, now: Any, before: Any) -> ComparedLine:
    return ComparedLine(line["key"], line["label"], line["kind"], now, before)
