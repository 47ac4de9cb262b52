"""What a person adds to the catalogue for themselves; the list of assets has it, too."""

from datetime import date, timedelta

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Day, Exact, Fields, Measured, Query, Text
from accounts.api.views import Resource, refuses
from portfolios.api.assets import AssetKey
from portfolios.models import Asset, AssetCategory
from portfolios.selectors import own_assets as selector
from portfolios.selectors import prices
from portfolios.services import own_assets
from portfolios.services.errors import OwnAssetError

PRICE = {"price": "120.5", "priced_on": "2024-12-31"}
FUND = {"name": "Fund of a friend", "symbol": "FRIEND", "category": "stablecoins"}


class OwnAssetFields(Fields):
    id = serializers.IntegerField(source="asset.pk")
    key = AssetKey(source="asset", help_text="What other resources call it.")
    name = serializers.CharField(source="asset.name")
    symbol = serializers.CharField(source="asset.symbol")
    category = serializers.CharField(source="asset.category.slug")
    price = Measured(source="latest.close", default=None, help_text="The latest, US dollars.")
    priced_on = Day(source="latest.date", default=None, allow_null=True)
    is_used = serializers.BooleanField(help_text="Held or wanted, or in a ledger.")


@extend_schema_serializer(examples=[OpenApiExample("A new name", FUND, request_only=True)])
class OwnAssetChange(Fields):
    name = Text(max_length=80)
    symbol = Text(max_length=20)
    category = Text(max_length=50, help_text="The slug of the category it is most like.")


@extend_schema_serializer(examples=[OpenApiExample("A price", PRICE, request_only=True)])
class NewOwnPrice(Fields):
    price = Exact(help_text="US dollars for one.")
    priced_on = Day(help_text="At whose close.")


@extend_schema_serializer(examples=[OpenApiExample("A fund", FUND | PRICE, request_only=True)])
class NewOwnAsset(OwnAssetChange, NewOwnPrice):
    pass


class OwnAssets(Resource):
    pagination_class = None

    @extend_schema(responses=OwnAssetFields(many=True), summary="List own assets")
    def list(self, request: Request) -> Response:
        """All that you have added, by name."""
        Query.of(request)
        found = selector.read(request.user, as_of=_last_day())
        return Response(OwnAssetFields(found, many=True).data)

    @extend_schema(request=NewOwnAsset, responses={201: OwnAssetFields}, summary="Add an own asset")
    @refuses("own_asset")
    def create(self, request: Request) -> Response:
        """At its first price. Only you can see it."""
        sent = NewOwnAsset(data=request.data)
        sent.is_valid(raise_exception=True)
        typed = sent.validated_data | {"category": _category(sent.validated_data["category"])}
        made = own_assets.create(owner=request.user, today=_last_day(), **typed)
        return self._answer(made.pk, status=201)

    @extend_schema(request=OwnAssetChange, responses=OwnAssetFields, summary="Rename an own asset")
    @refuses("own_asset", "conflict")
    def update(self, request: Request, own_asset: int) -> Response:
        found = self._owned(own_asset)
        sent = OwnAssetChange(data=request.data)
        sent.is_valid(raise_exception=True)
        typed = sent.validated_data | {"category": _category(sent.validated_data["category"])}
        own_assets.update(asset=found, **typed)
        return self._answer(found.pk)

    @extend_schema(request=NewOwnPrice, responses=OwnAssetFields, summary="Price an own asset")
    @refuses("own_asset", "conflict")
    def price(self, request: Request, own_asset: int) -> Response:
        """What holds it is calculated again; another price of that day is replaced."""
        found = self._owned(own_asset)
        sent = NewOwnPrice(data=request.data)
        sent.is_valid(raise_exception=True)
        own_assets.set_price(asset=found, today=_last_day(), **sent.validated_data)
        return self._answer(found.pk)

    @extend_schema(responses={204: None}, summary="Remove an own asset")
    @refuses("own_asset", "conflict")
    def destroy(self, request: Request, own_asset: int) -> Response:
        """One that no portfolio holds, wants or has in its ledger."""
        own_assets.remove(asset=self._owned(own_asset))
        return Response(status=204)

    def _owned(self, pk: int) -> Asset:
        owned = Asset.of_anybody.owned_by(self.request.user).select_related("category")
        found: Asset = get_object_or_404(owned, pk=pk)
        return found

    def _answer(self, pk: int, status: int = 200) -> Response:
        found = selector.read(self.request.user, as_of=_last_day())
        (told,) = (each for each in found if each.asset.pk == pk)
        return Response(OwnAssetFields(told).data, status=status)


def _category(slug: str) -> AssetCategory:
    """Raises OwnAssetError."""
    found = AssetCategory.objects.filter(slug=slug).first()
    if found is None:
        raise OwnAssetError(f"There is no category “{slug}”. The list of categories has them.")
    return found


def _last_day() -> date:
    """The last day whose close there can be a price of."""
    yesterday: date = timezone.now().date() - timedelta(days=1)
    return prices.last_complete_day() or yesterday
