"""The catalogue as CSV, out and in: keys not ids, words not tracebacks, no formulas."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.html import format_html
from django.utils.safestring import SafeString
from import_export import resources, widgets
from import_export.fields import Field

from accounts.services.exports import FORMULA_STARTS, neutralised
from portfolios.models import Asset, AssetCategory, RiskProfile, TokenMigration


class Text(widgets.CharWidget):
    """Text that no spreadsheet takes for a formula: an apostrophe stands before one."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return str(neutralised(super().render(value, obj, **kwargs)))

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        text = str(super().clean(value, row, **kwargs) or "").replace("\x00", "\ufffd")
        return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA_STARTS) else text


class Number(widgets.DecimalWidget):
    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Decimal | None:
        try:
            number: Decimal | None = super().clean(value, row, **kwargs)
        except (ArithmeticError, ValueError):
            raise ValueError(f"“{value}” is not a number.") from None
        if number is not None and not number.is_finite():
            raise ValueError(f"“{value}” is not a number.")
        return number

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else f"{Decimal(value).normalize():f}"


class WholeNumber(Number):
    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        number = super().clean(value, row, **kwargs)
        if number is None:
            return None
        if abs(number) > 10**9 or number != int(number):
            raise ValueError(f"“{value}” is not a whole number.")
        return int(number)


class YesOrNo(widgets.Widget):
    WORDS = {"yes": True, "1": True, "true": True, "no": False, "0": False, "false": False}

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> bool:
        try:
            return self.WORDS[str(value).strip().lower()]
        except KeyError:
            raise ValueError(f"“{value}” is neither yes nor no.") from None

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "yes" if value else "no"


class Day(widgets.DateWidget):
    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        try:
            return super().clean(value, row, **kwargs)
        except ValueError:
            raise ValueError(f"“{value}” is not a day, such as 2024-09-04.") from None


class ByKey(widgets.CachedForeignKeyWidget):
    """A row by the key that files know it by, all of them read once."""

    def __init__(
        self, model: type[Model], key: str, *, noun: str, hint: str, required: bool = True
    ) -> None:
        super().__init__(model, field=key)
        self.noun, self.hint, self.required = noun, hint, required

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        try:
            found = super().clean(value, row, **kwargs)
        except self.model.DoesNotExist:
            found = None
        if found is None and (value or self.required):
            raise ValueError(f"There is no {self.noun} “{value}”. {self.hint}")
        return found


def by_category(*, required: bool = True) -> ByKey:
    hint = "Give its slug, such as “defi”."
    return ByKey(AssetCategory, "slug", noun="category", hint=hint, required=required)


def token() -> ByKey:
    return ByKey(Asset, "coingecko_id", noun="asset", hint="Give its CoinGecko id.")


def coin() -> ByKey:
    hint = "Give the CoinGecko id of the coin that this one stands for, or nothing."
    return ByKey(Asset, "coingecko_id", noun="asset", hint=hint, required=False)


class Diff(resources.Diff):
    """Old and new as <del> and <ins>: the library's own come with style attributes."""

    def as_html(self) -> list[SafeString]:
        return [
            _marked("" if self.new else str(old), str(new))
            for old, new in zip(self.left, self.right, strict=False)
        ]


def _marked(old: str, new: str) -> SafeString:
    if old == new:
        return format_html("{}", new)
    return format_html("<del>{}</del> <ins>{}</ins>", old, new)


class CatalogueResource(resources.ModelResource):
    """Rows by their key; a column that a file leaves out stays as it is. Nothing is deleted."""

    class Meta:
        use_transactions = True
        skip_unchanged = True
        report_skipped = True
        clean_model_instances = True

    @classmethod
    def get_diff_class(cls) -> type[Diff]:
        return Diff


def column(name: str, widget: widgets.Widget, *, attribute: str = "") -> Field:
    return Field(attribute=attribute or name, column_name=name, widget=widget)


class AssetResource(CatalogueResource):
    coingecko_id = column("coingecko_id", Text())
    symbol = column("symbol", Text())
    name = column("name", Text())
    category = column("category", by_category())
    kind = column("kind", Text())
    cap_rank = column("cap_rank", WholeNumber())
    curated_tier = column("curated_tier", Text())
    assumed_yield = column("assumed_yield", Number())
    form_of = column("form_of", coin())
    is_active = column("is_active", YesOrNo())

    class Meta(CatalogueResource.Meta):
        model = Asset
        import_id_fields = ("coingecko_id",)
        fields = (
            "coingecko_id", "symbol", "name", "category", "kind", "cap_rank", "curated_tier",
            "assumed_yield", "form_of", "is_active",
        )  # fmt: skip

    def get_queryset(self) -> Any:
        return super().get_queryset().select_related("category")


class CategoryResource(CatalogueResource):
    slug = column("slug", Text())
    name = column("name", Text())
    risk_level = column("risk_level", Text())
    recommended_min = column("recommended_min", Number())
    recommended_max = column("recommended_max", Number())
    colour = column("colour", WholeNumber())
    position = column("position", WholeNumber())

    class Meta(CatalogueResource.Meta):
        model = AssetCategory
        import_id_fields = ("slug",)
        fields = (
            "slug", "name", "risk_level", "recommended_min", "recommended_max", "colour",
            "position",
        )  # fmt: skip


class TokenMigrationResource(CatalogueResource):
    """Prepared, never applied, by a file; what was applied stays as it was applied."""

    old_asset = column("old_asset", token())
    new_asset = column("new_asset", token())
    old_units = column("old_units", Number())
    new_units = column("new_units", Number())
    effective_on = column("effective_on", Day())
    state = Field(attribute="state", column_name="state", widget=Text(), readonly=True)

    class Meta(CatalogueResource.Meta):
        model = TokenMigration
        import_id_fields = ("old_asset", "new_asset")
        fields = ("old_asset", "new_asset", "old_units", "new_units", "effective_on", "state")

    def get_queryset(self) -> Any:
        return super().get_queryset().select_related("old_asset", "new_asset")

    def import_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        before = _terms(instance)
        super().import_instance(instance, row, **kwargs)
        if instance.state != TokenMigration.State.PREPARED and _terms(instance) != before:
            raise ValidationError(
                f"It is {instance.state}, so it stays as it is. Reverse it first."
            )


def _terms(migration: TokenMigration) -> tuple[object, ...]:
    return migration.old_units, migration.new_units, migration.effective_on


class RiskProfileResource(CatalogueResource):
    slug = column("slug", Text())
    name = column("name", Text())
    position = column("position", WholeNumber())
    max_drawdown = column("max_drawdown", Number())
    return_target_min = column("return_target_min", Number())
    return_target_max = column("return_target_max", Number())
    core_min = column("core_min", Number())
    core_max = column("core_max", Number())
    bitcoin_cap = column("bitcoin_cap", Number())
    ether_cap = column("ether_cap", Number())
    other_cap = column("other_cap", Number())
    least_score = column("least_score", WholeNumber())

    class Meta(CatalogueResource.Meta):
        model = RiskProfile
        import_id_fields = ("slug",)
        fields = (
            "slug", "name", "position", "max_drawdown", "return_target_min", "return_target_max",
            "core_min", "core_max", "bitcoin_cap", "ether_cap", "other_cap", "least_score",
        )  # fmt: skip
