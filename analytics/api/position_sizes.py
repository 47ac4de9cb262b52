"""How much to trade so that a trade that goes wrong costs no more than was decided."""

from decimal import Decimal

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Exact, Fields, Measured, Query
from accounts.api.views import Resource, refuses
from analytics.core import position_sizes

MOST_TARGETS = 10


class PositionSizeQuery(Query):
    account = Exact(default=Decimal(10_000), help_text="Money in the account.")
    risk = Exact(default=Decimal("0.02"), help_text="The part of it that may be lost: 0.02 is 2 %.")
    entry = Exact(help_text="The price to trade at.")
    stop = Exact(help_text="The price to give up at; above the entry it is a short trade.")
    target = serializers.ListField(
        child=Exact(),
        min_length=1,
        max_length=MOST_TARGETS,
        help_text="Prices to take profit at, in equal parts; may be repeated.",
    )
    fee_rate = Exact(default=Decimal(0), help_text="Of the traded amount, on both ways.")


class PositionSizeFields(Fields):
    is_long = serializers.BooleanField()
    risk_amount = Measured(help_text="Lost at the stop, fees included.")
    quantity = Measured(help_text="Units to trade.")
    value = Measured(help_text="What they cost at the entry.")
    stop_return = Measured()
    target_returns = serializers.ListField(child=Measured())
    profits = serializers.ListField(child=Measured(), help_text="At each target, after fees.")
    profit = Measured()
    reward_to_risk = Measured()
    break_even = Measured(help_text="The price at which closing pays just the fees.")


class PositionSizes(Resource):
    @extend_schema(
        parameters=[PositionSizeQuery], responses=PositionSizeFields, summary="Size a position"
    )
    @refuses("no_calculation")
    def retrieve(self, request: Request) -> Response:
        asked = PositionSizeQuery.of(request)
        sizes = position_sizes.size(
            [float(asked["account"])],
            [float(asked["risk"])],
            [float(asked["entry"])],
            [float(asked["stop"])],
            [[float(target) for target in asked["target"]]],
            fee_rate=float(asked["fee_rate"]),
        )
        names = PositionSizeFields().fields
        body = {name: getattr(sizes, name)[0].tolist() for name in names}
        return Response(PositionSizeFields(body).data)
