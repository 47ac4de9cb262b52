"""A DeFi allocation to look at, apart from any portfolio."""

import re
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Fields, Measured, Query
from accounts.api.views import Resource, refuses
from analytics.services import defi
from portfolios.api.assets import AssetKey
from portfolios.selectors.assets import UnknownAsset

MOST_POSITIONS = 50
NOTHING = "No position is above zero. Write one as aave:8000."
PLACED = r"[!-9;-~]{1,80}:[0-9]{1,12}(\.[0-9]{1,2})?(:[0-9](\.[0-9]{1,9})?)?"


@extend_schema_field({"type": "string", "pattern": f"^{PLACED}$", "example": "usd-coin:10000:0.05"})
class Placed(serializers.Field):
    """An asset, US dollars, and a yield."""

    default_error_messages = {"invalid": "Write a position as aave:8000 or aave:8000:0.04."}

    def to_internal_value(self, sent: Any) -> tuple[str, float, float | None]:
        if not re.fullmatch(PLACED, str(sent), re.ASCII):
            self.fail("invalid")
        key, amount, *rate = str(sent).split(":")
        return key, float(amount), float(rate[0]) if rate else None


class DefiQuery(Query):
    position = serializers.ListField(
        child=Placed(),
        min_length=1,
        max_length=MOST_POSITIONS,
        help_text="An asset, US dollars and, where its assumed yield is not meant, a yield a year: "
        "`usd-coin:10000:0.05`. May be repeated.",
    )


class DefiRow(Fields):
    asset = AssetKey()
    amount = Measured(help_text="US dollars.")
    share = Measured()
    rate = Measured(help_text="The yield a year.")


class DefiCategory(Fields):
    category = serializers.CharField()
    share = Measured()


class DefiFields(Fields):
    total = Measured(help_text="US dollars.")
    risk_score = Measured(help_text="Of 3.")
    stables = Measured(help_text="The share of stablecoins.")
    annual_yield = Measured(help_text="US dollars. An assumption.")
    positions = DefiRow(many=True)
    categories = DefiCategory(many=True)


class DefiAllocations(Resource):
    pagination_class = None

    @extend_schema(
        parameters=[DefiQuery], responses=DefiFields, summary="Measure a DeFi allocation"
    )
    @refuses("unknown_asset")
    def retrieve(self, request: Request) -> Response:
        """Risk score, stablecoin share and assumed yield. Nothing is saved."""
        asked = DefiQuery.of(request)["position"]
        rows = defi.offered().filter(coingecko_id__in={key for key, *_ in asked})
        named = {asset.coingecko_id: asset for asset in rows}
        if unknown := sorted({key for key, *_ in asked} - set(named)):
            raise UnknownAsset(f"There is no coin “{unknown[0]}”.")
        found = defi.measure([(named[key], amount, rate) for key, amount, rate in asked])
        if found is None:
            raise serializers.ValidationError({"position": NOTHING})
        row = ("asset", "amount", "share", "rate")
        shares = [{"category": each.slug, "share": share} for each, share in found.categories]
        body = {name: getattr(found, name) for name in DefiFields().fields if hasattr(found, name)}
        body |= {"positions": [dict(zip(row, each, strict=True)) for each in found.rows]}
        return Response(DefiFields(body | {"categories": shares}).data)
