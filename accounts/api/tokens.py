"""A person's tokens, to look over. They are made and revoked on the account page only."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Fields, Moment, Query
from accounts.api.views import Resource
from accounts.models import ApiToken


class TokenFields(Fields):
    name = serializers.CharField()
    begins_with = serializers.CharField(source="token_key", help_text="The rest nobody knows.")
    scope = serializers.ChoiceField(ApiToken.Scope.choices)
    created_at = Moment(source="created")
    expires_at = Moment(source="expiry", allow_null=True)
    last_used_at = Moment(allow_null=True, help_text="To five minutes.")


class Tokens(Resource):
    pagination_class = None

    @extend_schema(responses=TokenFields(many=True), summary="List tokens")
    def list(self, request: Request) -> Response:
        """Yours, the newest first. A token makes no other: that asks for the password."""
        Query.of(request)
        rows = ApiToken.objects.filter(user=request.user)
        return Response(TokenFields(rows, many=True).data)
