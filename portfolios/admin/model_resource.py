"""Model portfolios as CSV: a line a row, and all lines of a model replaced together."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Sum
from import_export.results import RowResult

from portfolios.admin import sentences
from portfolios.admin.resources import (
    ByKey,
    CatalogueResource,
    Number,
    Text,
    WholeNumber,
    by_category,
    column,
)
from portfolios.models import Asset, ModelPortfolio, ModelPortfolioLine, RiskProfile

BY_PROFILE = ByKey(
    RiskProfile, "slug", noun="risk profile", hint="Give its slug, such as “moderate”."
)
BY_ASSET = ByKey(
    Asset, "coingecko_id", noun="asset", hint="Give its CoinGecko id, such as “bitcoin”.",
    required=False,
)  # fmt: skip
OWN_WORDS = ("name", "profile_id", "description")


@dataclass
class Incoming:
    """A model portfolio that a file speaks of."""

    before: ModelPortfolio
    unclaimed: list[ModelPortfolioLine]
    """Its lines that no row of the file has named yet."""
    rows: int = 0
    words: tuple[Any, ...] | None = None
    """What the file's first line says of the model itself."""
    saved: ModelPortfolio | None = None

    def claim(self, asset: str, slot: tuple[str, str]) -> ModelPortfolioLine | None:
        """The line of this asset, or of this category slot, once."""
        for line in self.unclaimed:
            if line.asset.coingecko_id == asset if line.asset else _slot_of(line) == slot:
                self.unclaimed.remove(line)
                return line
        return None

    def check_words(self, model: ModelPortfolio) -> None:
        words = tuple(getattr(model, name) for name in OWN_WORDS)
        if self.words is None:
            self.words = words
        if words != self.words:
            raise ValidationError(
                {"model": f"The lines of “{model.slug}” disagree on name, profile or description."}
            )


class ModelPortfolioResource(CatalogueResource):
    """Each row repeats what the model is called, and all rows of a model sum to 100 %."""

    model = column("model", Text(), attribute="model_portfolio__slug")
    name = column("name", Text(), attribute="model_portfolio__name")
    profile = column("profile", BY_PROFILE, attribute="model_portfolio__profile")
    description = column("description", Text(), attribute="model_portfolio__description")
    asset = column("asset", BY_ASSET)
    category = column("category", by_category(required=False))
    slot_name = column("slot_name", Text())
    weight = column("weight", Number())
    position = column("position", WholeNumber())

    class Meta(CatalogueResource.Meta):
        store_instance = True  # else only imports after the first of a process know their lines
        model = ModelPortfolioLine
        import_id_fields = ("model",)
        fields = (
            "model", "name", "profile", "description", "asset", "category", "slot_name", "weight",
            "position",
        )  # fmt: skip

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.incoming: dict[str, Incoming] = {}

    def get_or_init_instance(
        self, instance_loader: Any, row: Mapping[str, Any]
    ) -> tuple[ModelPortfolioLine, bool]:
        incoming = self._incoming(_cell(row, "model"))
        incoming.rows += 1
        slot = (_cell(row, "category"), _cell(row, "slot_name"))
        line = incoming.claim(_cell(row, "asset"), slot)
        is_new = line is None
        line = line or ModelPortfolioLine(position=incoming.rows)
        line.model_portfolio = copy(incoming.before)
        return line, is_new

    def import_instance(self, instance: ModelPortfolioLine, row: Any, **kwargs: Any) -> None:
        super().import_instance(instance, row, **kwargs)
        model = instance.model_portfolio
        self.incoming[model.slug].check_words(model)

    def validate_instance(
        self,
        instance: ModelPortfolioLine,
        import_validation_errors: Mapping[str, Any] | None = None,
        validate_unique: bool = True,
    ) -> None:
        """A line is checked after its model, which is saved with the first of them."""
        errors = {
            name.removeprefix("model_portfolio__"): each
            for name, each in (import_validation_errors or {}).items()
        }
        incoming = self.incoming[instance.model_portfolio.slug]
        if incoming.saved is None:
            try:
                instance.model_portfolio.full_clean(exclude=errors)
            except ValidationError as refusal:
                errors = refusal.update_error_dict(errors)
            if errors:
                raise ValidationError(errors)
            instance.model_portfolio.save()
            incoming.saved = instance.model_portfolio
        instance.model_portfolio = incoming.saved
        super().validate_instance(instance, errors, validate_unique)

    def after_import(self, dataset: Any, result: Any, **kwargs: Any) -> None:
        """Remove the lines that the file leaves out; then every model must be whole."""
        if result.has_errors() or result.has_validation_errors():
            return
        for slug, incoming in self.incoming.items():
            for line in incoming.unclaimed:
                self._remove(line, result)
            model = incoming.saved or incoming.before
            total = model.lines.aggregate(total=Sum("weight"))["total"] or Decimal(0)
            if total != 1:
                words = f"The lines of “{model.name}” ({slug}) {sentences.wrong_sum(total)}"
                self.handle_import_error(result, ValueError(words))

    def _incoming(self, slug: str) -> Incoming:
        if slug not in self.incoming:
            models = ModelPortfolio.objects.select_for_update(of=("self",))
            model = models.select_related("profile").filter(slug=slug).first()
            lines = model.lines.select_related("asset", "category") if model else ()
            self.incoming[slug] = Incoming(model or ModelPortfolio(slug=slug), list(lines))
        return self.incoming[slug]

    def _remove(self, line: ModelPortfolioLine, result: Any) -> None:
        removed = RowResult()
        removed.import_type = RowResult.IMPORT_TYPE_DELETE
        removed.add_instance_info(line)
        removed.instance = line
        diff = self.get_diff_class()(self, line, False)
        diff.compare_with(self, None)
        removed.diff = diff.as_html()
        line.delete()
        result.increment_row_result_total(removed)
        result.append_row_result(removed)


def _cell(row: Mapping[str, Any], name: str) -> str:
    return str(Text().clean(row.get(name)))


def _slot_of(line: ModelPortfolioLine) -> tuple[str, str]:
    return (line.category.slug if line.category else "", line.slot_name)
