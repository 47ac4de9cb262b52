"""What people say of what counts in their portfolio's weights."""

from collections.abc import Iterable

from django import forms
from django.http import QueryDict

from portfolios.forms import LARGEST_AMOUNT, NumberField, SeenForm
from portfolios.models import Asset, Portfolio
from portfolios.models.portfolios import MoneyRole
from portfolios.services import roles


class RolesForm(SeenForm):
    """The role of money, the reserve, and whether forms are counted as their coin."""

    money_role = forms.ChoiceField(
        label="Stablecoins and cash are",
        choices=MoneyRole.choices,
        widget=forms.RadioSelect,
        help_text="As a position they have a target, and are bought and sold to keep it. As dry "
        "powder they are not counted: the weights of all others make 100 %.",
    )
    reserve_amount = NumberField(
        label="Emergency reserve, US dollars",
        required=False,
        min_value=1,
        max_value=LARGEST_AMOUNT,
        max_digits=15,
        decimal_places=2,
        help_text="So much of stablecoins and cash is neither counted nor traded. Empty: none.",
    )
    set_aside = forms.ModelMultipleChoiceField(
        Asset.of_anybody.none(),
        label="Holdings that are a reserve as a whole",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Neither counted nor traded; they can have no target.",
    )
    groups_forms = forms.BooleanField(
        label="Count wrapped and staked forms as their coin",
        required=False,
        help_text="One position, one target, one risk for a coin and what stands for it. "
        "Suggestions name the coin; which form you trade is yours to choose.",
    )

    def __init__(
        self, submitted: QueryDict | None, *, portfolio: Portfolio, held: Iterable[Asset]
    ) -> None:
        rules = portfolio.rules.filter(trading=roles.SET_ASIDE)
        chosen = list(rules.values_list("asset_id", flat=True))
        saved = {name: getattr(portfolio, name) for name in roles.FIELDS}
        super().__init__(
            submitted, initial={"revision": portfolio.revision, "set_aside": chosen, **saved}
        )
        field = self.fields["set_aside"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = Asset.of_anybody.filter(pk__in={*chosen, *(each.pk for each in held)})

    @property
    def offers_holdings(self) -> bool:
        """Whether there is anything to set aside."""
        field = self.fields["set_aside"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        return field.queryset is not None and field.queryset.exists()
