"""A portfolio calculated again, whatever is stored."""

from allauth.core import ratelimit
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Fields
from accounts.api.views import refuses
from analytics import tasks
from analytics.api import CannotStart
from analytics.api.risk import current_run
from analytics.selectors import portfolio_pages
from portfolios.api.portfolios import OfPortfolio

WAIT = 60


class RecomputationFields(Fields):
    is_started = serializers.BooleanField(
        help_text="false: a letter has told these figures, so they stay until the next change."
    )


class Recomputations(OfPortfolio):
    @extend_schema(
        request=None, responses={202: RecomputationFields}, summary="Calculate a portfolio again"
    )
    @refuses("not_measured", "cannot_start")
    def create(self, request: Request, pk: int) -> Response:
        """A worker does it; ask for the risk in some seconds. Six times a minute at most."""
        portfolio, run = self.portfolio(), current_run()
        if not ratelimit.consume(request._request, action="recompute", user=request.user):
            raise Throttled(wait=WAIT)
        is_kept = portfolio_pages.is_kept(portfolio, run=run)
        if not is_kept and not tasks.recompute_once(portfolio, within=tasks.AGAIN_SECONDS):
            raise CannotStart
        body = RecomputationFields({"is_started": not is_kept}).data
        return self.answer(portfolio, body, status=202)
