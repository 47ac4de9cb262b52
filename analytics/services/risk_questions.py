"""Six questions, each worth 0 to 4 points, and the risk profile that the answers lead to.

Three ask what losses a person could bear, three what they would. The sum decides; who would sell
after a fall gets the calmest profile whatever else is answered (METHODS.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portfolios.models import RiskProfile

MOST_POINTS = 4


@dataclass(frozen=True)
class Question:
    slug: str
    text: str
    is_capacity: bool  # what one can bear, not what one would
    options: tuple[str, ...]  # the place of each is its points


REACTION = "reaction"
CALMEST_UP_TO = 1  # points of the reaction: sells all, or some
QUESTIONS = (
    Question(
        "horizon", "When might you need this money?", True,
        ("Within a year", "In one to two years", "In three to five years",
         "In five to ten years", "Not for ten years or more"),
    ),
    Question(
        "wealth", "How much of what you own would be in crypto?", True,
        ("More than half", "A quarter to a half", "A tenth to a quarter",
         "A twentieth to a tenth", "Less than a twentieth"),
    ),
    Question(
        "income", "How steady is your income, and could you live half a year without it?", True,
        ("Unsteady, without savings", "Unsteady, with some savings", "Steady, without savings",
         "Steady, with some savings", "Steady, with savings for half a year"),
    ),
    Question(
        REACTION, "Your portfolio has fallen by 40 % in two months. What do you do?", False,
        ("Sell all of it", "Sell some of it", "Nothing, but it costs me sleep",
         "Nothing: I expected it", "Buy more, as planned"),
    ),
    Question(
        "experience", "What have you been through with investments that swing?", False,
        ("Nothing yet", "Less than a year", "One to three years",
         "A whole rise and fall", "Several, crypto's among them"),
    ),
    Question(
        "goal", "What is this portfolio for?", False,
        ("Keeping what I have", "A little more than savings earn", "Growth with fewer swings",
         "Growth, with swings", "As much growth as possible"),
    ),
)  # fmt: skip
MOST_OF_HALF = 3 * MOST_POINTS
MOST = 2 * MOST_OF_HALF


@dataclass(frozen=True)
class Verdict:
    profile: RiskProfile
    score: int
    by_score: RiskProfile
    capacity: int  # of MOST_OF_HALF
    by_capacity: RiskProfile
    willingness: int
    by_willingness: RiskProfile

    @property
    def is_held_back(self) -> bool:
        """Whether the reaction decided, and not the sum."""
        return self.profile != self.by_score

    @property
    def disagrees(self) -> bool:
        return self.by_capacity != self.by_willingness


def judge(answers: Mapping[str, int], profiles: Sequence[RiskProfile]) -> Verdict:
    """The profile of complete answers, points by question; at least one profile."""
    ordered = sorted(profiles, key=lambda profile: (profile.least_score, profile.position))
    capacity = sum(answers[each.slug] for each in QUESTIONS if each.is_capacity)
    willingness = sum(answers[each.slug] for each in QUESTIONS if not each.is_capacity)
    by_score = _reached(ordered, capacity + willingness)
    return Verdict(
        profile=ordered[0] if answers[REACTION] <= CALMEST_UP_TO else by_score,
        score=capacity + willingness,
        by_score=by_score,
        capacity=capacity,
        by_capacity=_reached(ordered, 2 * capacity),
        willingness=willingness,
        by_willingness=_reached(ordered, 2 * willingness),
    )


def _reached(ordered: Sequence[RiskProfile], score: int) -> RiskProfile:
    return [each for each in ordered if each.least_score <= score or each == ordered[0]][-1]
