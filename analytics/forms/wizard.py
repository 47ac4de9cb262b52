"""The wizard's steps: each a form that knows what the steps before it have settled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from django import forms

from analytics.services import risk_questions, wizards
from analytics.services.risk_questions import Verdict
from analytics.services.weight_limits import Range
from portfolios.forms import PercentField, PlainField
from portfolios.models import Asset, RiskProfile
from portfolios.services.portfolios import LONGEST_NAME
from portfolios.templatetags.figures import exact_percent

MOST_POSITIONS = 30


@dataclass
class Plan:
    """What there is to choose from, and what is chosen so far."""

    profiles: Sequence[RiskProfile]
    core_assets: Sequence[Asset]  # Bitcoin and Ether
    candidates: Sequence[Asset]
    stablecoins: Sequence[Asset]
    covariance: Any = None  # of these assets: see `covariance_of`
    verdict: Verdict | None = None
    profile: RiskProfile | None = None
    core: dict[Asset, Decimal] = field(default_factory=dict)
    diversifiers: list[Asset] = field(default_factory=list)
    buffer: dict[Asset, Decimal] = field(default_factory=dict)
    weights: dict[Asset, Decimal] = field(default_factory=dict)

    @property
    def covariance_known(self) -> bool:
        return self.covariance is not None

    @property
    def is_possible(self) -> bool:
        """Whether the catalogue has what every plan needs."""
        return bool(self.profiles and len(self.core_assets) == 2 and self.stablecoins)

    @property
    def settled(self) -> RiskProfile:
        assert self.profile is not None  # a step before this one has settled it
        return self.profile

    @property
    def buffer_range(self) -> Range:
        return wizards.buffer_range([asset.category for asset in self.stablecoins])

    @property
    def usual_buffer(self) -> dict[Asset, Decimal]:
        if self.buffer or not self.stablecoins:
            return self.buffer
        return {self.stablecoins[0]: wizards.usual_buffer(self.buffer_range)}

    def sized(
        self, diversifiers: Sequence[Asset], buffer: Mapping[Asset, Decimal]
    ) -> dict[Asset, Decimal]:
        """Raises NoRoom."""
        told = self.covariance(diversifiers) if self.covariance and diversifiers else None
        return wizards.size(
            profile=self.settled,
            core=self.core,
            diversifiers=diversifiers,
            buffer=buffer,
            covariance=told,
        )


class StepForm(forms.Form):
    """One step. `settle` takes its valid answer over into the plan."""

    def __init__(self, *args: Any, plan: Plan, **options: Any) -> None:
        super().__init__(*args, **options)
        self.plan = plan
        self.build()

    def build(self) -> None:
        """Add what depends on the plan."""

    def settle(self) -> None:
        """Take the answer over."""

    @property
    def answer(self) -> dict[str, Any]:
        """What a draft keeps: the fields as they were typed, so that they can be judged again."""
        return {
            name: self.data.getlist(name) if hasattr(self.data, "getlist") and
            isinstance(each, forms.MultipleChoiceField) else self.data.get(name, "")
            for name, each in self.fields.items()
        }  # fmt: skip


class QuestionsForm(StepForm):
    def build(self) -> None:
        for question in risk_questions.QUESTIONS:
            self.fields[question.slug] = forms.TypedChoiceField(
                label=question.text,
                choices=[(str(n), text) for n, text in enumerate(question.options)],
                coerce=int,
                widget=forms.RadioSelect,
                error_messages={"required": "Choose the answer that comes closest."},
            )

    def settle(self) -> None:
        self.plan.verdict = risk_questions.judge(self.cleaned_data, self.plan.profiles)


class ProfileForm(StepForm):
    def build(self) -> None:
        verdict = self.plan.verdict
        self.fields["profile"] = forms.ChoiceField(
            choices=[(each.slug, each.name) for each in self.plan.profiles],
            initial=verdict.profile.slug if verdict else None,
            widget=forms.RadioSelect,
            error_messages={"required": "Choose a profile."},
        )

    def settle(self) -> None:
        chosen = self.cleaned_data["profile"]
        self.plan.profile = next(each for each in self.plan.profiles if each.slug == chosen)


class CoreForm(StepForm):
    labels: ClassVar = {"bitcoin": "Bitcoin, %", "ether": "Ether, %"}

    def build(self) -> None:
        usual = wizards.usual_core(self.plan.settled)
        for (name, label), weight in zip(self.labels.items(), usual, strict=True):
            self.fields[name] = PercentField(
                label=label, min_value=0, max_value=100, max_digits=5, decimal_places=2,
                initial=weight,
            )  # fmt: skip

    def clean(self) -> None:
        profile = self.plan.settled
        caps = {"bitcoin": profile.bitcoin_cap, "ether": profile.ether_cap}
        typed = [self.cleaned_data.get(name) for name in self.labels]
        for name, cap in caps.items():
            if (weight := self.cleaned_data.get(name)) is not None and weight > cap:
                self.add_error(
                    name,
                    f"At most {exact_percent(cap)} %: the {profile.name.lower()} profile's cap.",
                )
        if self.errors or None in typed:
            return
        total = sum((weight for weight in typed if weight), Decimal(0))
        if not profile.core_min <= total <= profile.core_max:
            self.add_error(
                None,
                f"Together they have {exact_percent(total)} %. The {profile.name.lower()} "
                f"profile's core is {exact_percent(profile.core_min)}–"
                f"{exact_percent(profile.core_max)} %.",
            )

    def settle(self) -> None:
        typed = [self.cleaned_data[name] for name in self.labels]
        self.plan.core = dict(zip(self.plan.core_assets, typed, strict=False))


class DiversifiersForm(StepForm):
    def build(self) -> None:
        plan = self.plan
        self.fields["assets"] = forms.MultipleChoiceField(
            choices=[(str(each.pk), str(each)) for each in plan.candidates],
            required=False,
            widget=forms.CheckboxSelectMultiple,
            error_messages={"invalid_choice": "Choose among the assets listed."},
        )
        if not self.is_bound and "assets" not in self.initial:
            found = wizards.suggest(
                profile=plan.settled,
                core=plan.core,
                candidates=plan.candidates,
                buffer=plan.usual_buffer,
            )
            self.initial["assets"] = [str(asset.pk) for asset in found]

    def chosen(self) -> list[Asset]:
        keys = set(self.cleaned_data.get("assets") or ())
        return [asset for asset in self.plan.candidates if str(asset.pk) in keys]

    @property
    def ticked(self) -> set[str]:
        return {str(key) for key in self["assets"].value() or ()}

    def clean(self) -> None:
        if self.errors:
            return
        chosen = self.chosen()
        if len(chosen) > MOST_POSITIONS:
            self.add_error("assets", f"Choose at most {MOST_POSITIONS}; eight to fifteen is usual.")
            return
        try:
            self.plan.sized(chosen, self.plan.usual_buffer)
        except wizards.NoRoom as refusal:
            self.add_error("assets", str(refusal))

    def settle(self) -> None:
        self.plan.diversifiers = self.chosen()
        self.plan.weights = self.plan.sized(self.plan.diversifiers, self.plan.usual_buffer)


class SizesForm(StepForm):
    """Nothing to type: the weights follow from the steps before."""


class BufferForm(StepForm):
    def build(self) -> None:
        coins = self.plan.stablecoins
        coin, usual = next(iter(self.plan.usual_buffer.items()))
        self.fields["coin"] = forms.ChoiceField(
            label="Stablecoin",
            choices=[(str(each.pk), str(each)) for each in coins],
            initial=str(coin.pk),
        )
        self.fields["share"] = PercentField(
            label="Share, %", min_value=0, max_value=100, max_digits=5, decimal_places=2,
            initial=usual,
        )  # fmt: skip

    def clean(self) -> None:
        if self.errors:
            return
        share, allowed = self.cleaned_data["share"], self.plan.buffer_range
        if not allowed.low <= share <= allowed.high:
            self.add_error(
                "share",
                f"Stablecoins have a range of {exact_percent(allowed.low)}–"
                f"{exact_percent(allowed.high)} %.",
            )
            return
        try:
            self.plan.sized(self.plan.diversifiers, self.buffer())
        except wizards.NoRoom as refusal:
            self.add_error("share", str(refusal))

    def buffer(self) -> dict[Asset, Decimal]:
        coin = self.cleaned_data["coin"]
        asset = next(each for each in self.plan.stablecoins if str(each.pk) == coin)
        return {asset: self.cleaned_data["share"]}

    def settle(self) -> None:
        self.plan.buffer = self.buffer()
        self.plan.weights = self.plan.sized(self.plan.diversifiers, self.plan.buffer)


class ReviewForm(StepForm):
    name = PlainField(label="Name of the portfolio", max_length=LONGEST_NAME)

    def build(self) -> None:
        self.fields["name"].initial = f"My {self.plan.settled.name.lower()} portfolio"


@dataclass(frozen=True)
class Step:
    slug: str
    title: str
    form: type[StepForm]


STEPS = (
    Step("questions", "Questions", QuestionsForm),
    Step("profile", "Profile", ProfileForm),
    Step("core", "Core", CoreForm),
    Step("diversifiers", "Diversifiers", DiversifiersForm),
    Step("sizes", "Sizes", SizesForm),
    Step("buffer", "Stablecoins", BufferForm),
    Step("review", "Review", ReviewForm),
)
SLUGS = [step.slug for step in STEPS]


def walk(plan: Plan, answers: Mapping[str, Any], *, until: str) -> str:
    """Settle the steps before `until` by their answers; the step to go on with.

    That is `until`, or the first before it whose answer is missing or no longer fits.
    """
    for step in STEPS:
        if step.slug == until:
            break
        answer = answers.get(step.slug)
        form = step.form(answer if answer is not None else {}, plan=plan)
        if answer is None or not form.is_valid():
            return step.slug
        form.settle()
    return until
