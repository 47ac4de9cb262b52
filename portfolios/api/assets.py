"""The catalogue, and a person's own assets: what everything else refers to."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Exact, Fields, Flag, Query, Text
from accounts.api.views import MarketResource
from portfolios.models import Asset, AssetCategory
from portfolios.selectors import assets


class AssetKey(Text):
    """An asset by its CoinGecko id, or `own:7` for one's own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 80, **options})

    def to_representation(self, asset: Any) -> str:
        return assets.key(asset)


class CategoryFields(Fields):
    slug = serializers.CharField()
    name = serializers.CharField()
    risk_level = serializers.ChoiceField(AssetCategory.RiskLevel.choices)
    recommended_min = Exact(allow_null=True, help_text="A fraction of a portfolio.")
    recommended_max = Exact(allow_null=True)


class AssetFields(Fields):
    id = AssetKey(source="*", help_text="CoinGecko's id; `own:7` for an asset of one's own.")
    symbol = serializers.CharField(help_text="The ticker. Tickers collide: rely on the id.")
    name = serializers.CharField()
    category = serializers.CharField(source="category.slug")
    kind = serializers.ChoiceField(Asset.Kind.choices)
    tier = serializers.SerializerMethodField()
    cap_rank = serializers.IntegerField(allow_null=True)
    assumed_yield = Exact(allow_null=True, help_text="A year. An assumption.")
    is_active = serializers.BooleanField()
    is_own = serializers.BooleanField()

    @extend_schema_field(serializers.ChoiceField(Asset.Tier.choices, allow_null=True))
    def get_tier(self, asset: Asset) -> str | None:
        return asset.tier.value if asset.tier else None


class AssetQuery(Query):
    search = Text(required=False, max_length=80, allow_blank=True, help_text="Ticker, name or id.")
    category = Text(required=False, max_length=50, help_text="The slug of a category.")
    kind = serializers.ChoiceField(Asset.Kind.choices, required=False)
    is_active = Flag(required=False)


class Categories(MarketResource):
    pagination_class = None

    @extend_schema(responses=CategoryFields(many=True), summary="List categories")
    def list(self, request: Request) -> Response:
        Query.of(request)
        return Response(CategoryFields(AssetCategory.objects.all(), many=True).data)


class Assets(MarketResource):
    @extend_schema(parameters=[AssetQuery], responses=AssetFields(many=True), summary="List assets")
    def list(self, request: Request) -> Response:
        """The catalogue, and what you have added for yourself."""
        found = assets.filtered(request.user, **AssetQuery.of(request))
        return self.page(found, AssetFields)

    @extend_schema(responses=AssetFields, summary="Read an asset")
    def retrieve(self, request: Request, asset: str) -> Response:
        Query.of(request)
        return Response(AssetFields(visible_or_404(request, asset)).data)


def visible_or_404(request: Request, key: str) -> Asset:
    try:
        return assets.by_key([key], user=request.user)[key]
    except assets.UnknownAsset:
        return get_object_or_404(Asset.objects.none())
