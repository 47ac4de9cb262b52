"""The article's models side by side: what it claims of each, and what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from portfolios.models import ModelPortfolio
from portfolios.selectors import model_claims, model_portfolios
from portfolios.selectors.model_claims import Claim, Conflict


@dataclass(frozen=True)
class ComparedModel:
    model: ModelPortfolio
    claims: Sequence[Claim]
    conflicts: Sequence[Conflict]


@dataclass(frozen=True)
class Comparison:
    models: Sequence[ComparedModel]

    @property
    def measures(self) -> list[tuple[str, list[tuple[str, Claim | None]]]]:
        """A row for each measure, with every model's name and claim in the order of the models."""
        names = dict.fromkeys(claim.measure for each in self.models for claim in each.claims)
        return [
            (
                name,
                [
                    (m.model.name, next((c for c in m.claims if c.measure == name), None))
                    for m in self.models
                ],
            )
            for name in names
        ]


def read() -> Comparison:
    return Comparison(
        [
            ComparedModel(
                model, model_claims.CLAIMS.get(model.slug, ()), model_claims.conflicts(model)
            )
            for model in model_portfolios.all_with_lines()
        ]
    )
