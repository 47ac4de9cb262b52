"""A portfolio looked over, and weights to try: what the Review page and the workbench say."""

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Fields, Fraction, Query
from accounts.api.views import refuses
from analytics.api import NotMeasured
from analytics.api.risk import OfReading, current_run
from analytics.selectors import benches, reviews
from analytics.selectors.findings import Finding, Severity
from analytics.services import weight_proposals, workbench
from analytics.services.weight_proposals import Kind, Proposal
from portfolios.models import Asset
from portfolios.selectors import assets, portfolios

SEVERITIES = [severity.name.lower() for severity in Severity]


class ChecklistFields(Fields):
    key = serializers.CharField()
    rule = serializers.CharField()
    measured = serializers.CharField()
    threshold = serializers.CharField()
    passed = serializers.BooleanField(allow_null=True, help_text="null: it cannot be judged.")
    fix = serializers.CharField(help_text="What would mend it.")
    note = serializers.CharField()


class FindingFields(Fields):
    key = serializers.CharField()
    title = serializers.CharField()
    severity = serializers.SerializerMethodField()
    evidence = serializers.CharField()
    proposal = serializers.CharField()

    @extend_schema_field(serializers.ChoiceField(SEVERITIES))
    def get_severity(self, finding: Finding) -> str:
        return finding.severity.name.lower()


class ReviewFields(Fields):
    passed = serializers.IntegerField()
    failed = serializers.IntegerField()
    checklist = ChecklistFields(many=True)
    findings = FindingFields(many=True)


class ProposedWeight(Fields):
    asset = serializers.CharField(allow_null=True)
    category = serializers.CharField(allow_null=True)
    weight = Fraction()
    reason = serializers.CharField()


class ProposalFields(Fields):
    kind = serializers.ChoiceField([(kind.value, weight_proposals.NAMES[kind]) for kind in Kind])
    name = serializers.CharField()
    idea = serializers.CharField()
    refusal = serializers.CharField(help_text="Why there is none; else empty.")
    weights = ProposedWeight(many=True)


class ProposalsFields(Fields):
    proposals = ProposalFields(many=True)


class Reviews(OfReading):
    @extend_schema(responses=ReviewFields, summary="Read the review")
    @refuses("not_measured", "not_calculated")
    def retrieve(self, request: Request, pk: int) -> Response:
        """The diversification checklist, and what is wrong, the gravest first."""
        Query.of(request)
        portfolio = self.portfolio()
        reading = self.reading(portfolio)
        if reading.result.value <= 0:
            raise NotMeasured("Nothing is held whose price is known.")
        return self.answer(portfolio, ReviewFields(reviews.read(portfolio, reading)).data)


class Proposals(OfReading):
    @extend_schema(responses=ProposalsFields, summary="Read proposals for the targets")
    @refuses("not_measured")
    def retrieve(self, request: Request, pk: int) -> Response:
        """Six ways to weigh what has a target, or else what is held. Nothing is saved."""
        Query.of(request)
        portfolio = self.portfolio()
        run, aims = current_run(), portfolios.aims(portfolio)
        if not aims:
            raise NotMeasured("The portfolio neither holds nor wants anything.")
        bench = benches.read(portfolio, aims, run=run)
        saved = {target.aim: target.weight for target in portfolios.targets(portfolio)}
        weights = saved or workbench.today(bench)
        profile, caps = portfolio.profile, bench.market_caps
        made = [
            weight_proposals.propose(
                kind, bench, profile=profile, weights=weights, market_caps=caps
            )
            for kind in Kind
        ]
        body = {"proposals": [_told(proposal) for proposal in made]}
        return self.answer(portfolio, ProposalsFields(body).data)


def _told(proposal: Proposal) -> dict[str, object]:
    lines = [
        {
            "asset": assets.key(aim) if isinstance(aim, Asset) else None,
            "category": None if isinstance(aim, Asset) else aim.slug,
            "weight": weight,
            "reason": proposal.reasons.get(aim, ""),
        }
        for aim, weight in proposal.weights.items()
    ]
    names = ("kind", "name", "idea", "refusal")
    return {name: getattr(proposal, name) for name in names} | {"weights": lines}
