"""Which assets would lower the risk most, and which holdings are one bet."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Day, Fields, Measured, Query
from accounts.api.views import refuses
from analytics.api import NotMeasured
from analytics.api.risk import current_run
from analytics.api.workbench import FiguresFields
from analytics.services import additions
from portfolios.api.assets import AssetKey
from portfolios.api.portfolios import OfPortfolio


class AdditionFields(Fields):
    """The portfolio with `share` of an asset, taken from all positions in proportion."""

    asset = AssetKey()
    correlation = Measured(help_text="To the portfolio.")
    low = Measured(help_text="Where its 95 % interval begins.")
    high = Measured(help_text="Where it ends.")
    share = Measured()
    volatility = Measured(help_text="A year, with it.")
    volatility_low = Measured(help_text="Were the correlation where its interval begins.")
    volatility_high = Measured(help_text="Were it where that ends.")
    before = Measured(help_text="The volatility without it.")
    is_sure = serializers.BooleanField(help_text="Lower even at the end of the interval.")
    cvar = Measured()
    effective_bets = Measured()
    best_share = Measured(help_text="With which the volatility is least.")
    least_volatility = Measured()
    most = Measured(help_text="Its category's range and the profile's cap leave so much.")


class RedundancyFields(Fields):
    """Holdings that move as one beyond Bitcoin."""

    assets = serializers.ListField(child=AssetKey(), help_text="The heaviest first.")
    weight = Measured(help_text="Together.")
    share = Measured(help_text="Of resampled histories in which they came back as one.")
    is_stable = serializers.BooleanField()
    merged = FiguresFields(help_text="Were only the largest held.")


class FinderFields(Fields):
    as_of = Day()
    is_of_targets = serializers.BooleanField(
        help_text="Of the targets: nothing is held, or something has no price."
    )
    today = FiguresFields()
    additions = AdditionFields(many=True, help_text="The calmest first.")
    others = serializers.IntegerField(help_text="Eligible assets beyond those told.")
    without_room = serializers.ListField(
        child=AssetKey(), help_text="Whose category or cap is full."
    )
    too_young = serializers.IntegerField(help_text="Assets with too little history.")
    redundancies = RedundancyFields(many=True)
    not_clustered = serializers.ListField(
        child=AssetKey(), help_text="Holdings that the clusters of the night do not know."
    )


class Finders(OfPortfolio):
    pagination_class = None

    @extend_schema(responses=FinderFields, summary="Find additions and redundancies")
    @refuses("not_measured")
    def retrieve(self, request: Request, pk: int) -> Response:
        """What might be added, compared at one share, and what might be merged."""
        Query.of(request)
        portfolio, run = self.portfolio(), current_run()
        found = additions.find(portfolio, run=run)
        if found is None:
            raise NotMeasured("Nothing risky is held or wanted whose risk is measured.")
        names = [name for name in FinderFields().fields if name != "as_of"]
        body = {name: getattr(found, name) for name in names} | {"as_of": run.as_of}
        return self.answer(portfolio, FinderFields(body).data)
