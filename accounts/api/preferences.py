"""What a person has chosen for themselves."""

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Fields, Whole
from accounts.api.views import Resource
from accounts.models import AlertPreference, BaseUnit, Kind, NumberStyle, Theme
from accounts.selectors import time_zones
from accounts.services import preferences


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Once a day, in Lisbon",
            {"alert_preference": "daily", "time_zone": "Europe/Lisbon"},
            request_only=True,
        )
    ]
)
class PreferencesFields(Fields):
    email = serializers.EmailField(read_only=True)
    alert_preference = serializers.ChoiceField(
        AlertPreference.choices, help_text="When to write about portfolios out of their bands."
    )
    letter_hour = Whole(
        min_value=0, max_value=23, help_text="When daily and weekly letters leave, in that zone."
    )
    muted_kinds = serializers.ListField(
        child=serializers.ChoiceField(Kind.choices),
        max_length=len(Kind.choices),
        help_text="What no letter is about; the notifications have all.",
    )
    time_zone = serializers.ChoiceField(sorted(time_zones.names()))
    theme = serializers.ChoiceField(Theme.choices)
    number_style = serializers.ChoiceField(NumberStyle.choices)
    base_unit = serializers.ChoiceField(BaseUnit.choices)


class Preferences(Resource):
    @extend_schema(responses=PreferencesFields, summary="Read preferences")
    def retrieve(self, request: Request) -> Response:
        return Response(PreferencesFields(request.user).data)

    @extend_schema(
        request=PreferencesFields(partial=True),
        responses=PreferencesFields,
        summary="Change preferences",
    )
    def partial_update(self, request: Request) -> Response:
        sent = PreferencesFields(data=request.data, partial=True)
        sent.is_valid(raise_exception=True)
        preferences.change(user=request.user, **sent.validated_data)
        return Response(PreferencesFields(request.user).data)
