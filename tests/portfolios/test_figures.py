"""Figures are short, aligned and honest: tiny, huge and missing numbers included."""

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import NumberStyle
from portfolios.selectors.base_units import Unit
from portfolios.templatetags import figures

NOT_NUMBERS = [
    None,
    math.nan,
    math.inf,
    -math.inf,
    Decimal("NaN"),
    Decimal("Infinity"),
    "",
    "abc",
    True,
]
FILTERS = [
    figures.money,
    figures.price,
    figures.percent,
    figures.exact_percent,
    figures.signed_percent,
    figures.quantity,
    figures.ratio,
]


@pytest.mark.parametrize("figure", FILTERS)
@pytest.mark.parametrize("value", NOT_NUMBERS, ids=repr)
def test_what_is_not_a_number_is_a_dash(figure: type, value: object) -> None:
    assert figure(value) == "—"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0.00"),
        (1234.5, "1,234.50"),
        (Decimal("-1234.567"), "−1,234.57"),
        (999_999_999_999.994, "999,999,999,999.99"),
        (1e15, "1.00e15"),
        (1.7e308, "1.70e308"),
        (0.01, "0.01"),
        (0.004, "<0.01"),
        (-0.004, ">−0.01"),
        (5e-324, "<0.01"),
    ],
)
def test_money_has_two_decimals_and_thousands_separators(value: float, shown: str) -> None:
    assert figures.money(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (67_000.0, "67,000.00"),
        (1.0, "1.00"),
        (0.9996, "0.9996"),
        (0.5, "0.5000"),
        (0.00001234, "0.00001234"),
        (0.000012345, "0.00001234"),
        (1.5e-14, "0.00000000000001500"),
        (1.5e-20, "1.500e−20"),
        (0, "0.00"),
    ],
)
def test_tiny_prices_keep_four_significant_digits(value: float, shown: str) -> None:
    assert figures.price(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0525, "5.2"), (1, "100.0"), (Decimal("0.35"), "35.0"), (-0.031, "−3.1"), (-1e-9, "0.0")],
)
def test_percent_has_one_decimal(value: float, shown: str) -> None:
    assert figures.percent(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("0.350000000"), "35"),
        (Decimal("0.125000000"), "12.5"),
        (Decimal("0.333333333"), "33.3333333"),
        (Decimal(1), "100"),
        (Decimal("0.000000001"), "0.0000001"),
    ],
)
def test_an_exact_percentage_shows_every_decimal_it_has(value: Decimal, shown: str) -> None:
    assert figures.exact_percent(value) == shown


@pytest.mark.parametrize(
    ("value", "shown", "word"),
    [
        (0.062, "+6.2", "over"),
        (-0.031, "−3.1", "under"),
        (0.0004, "0.0", "on target"),
        (-0.0004, "0.0", "on target"),
        (None, "—", ""),
    ],
)
def test_a_drift_has_a_sign_and_a_word_that_agree(
    value: float | None, shown: str, word: str
) -> None:
    assert (figures.signed_percent(value), figures.side(value)) == (shown, word)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("0.125000000000000000"), "0.125"),
        (Decimal("1200.000000000000000000"), "1,200"),
        (Decimal("100"), "100"),
        (
            Decimal("12345678901234567890.123456789012345678"),
            "12,345,678,901,234,567,890.123456789012345678",
        ),
        (Decimal("0E-18"), "0"),
        (1234567.891, "1,234,570"),
        (-8.23e18, "−8.23e18"),
        (-0.000123456789, "−0.000123457"),
    ],
)
def test_a_quantity_shows_every_decimal_of_a_balance(value: object, shown: str) -> None:
    assert figures.quantity(value) == shown


@given(st.decimals(Decimal(0), Decimal(10) ** 20, places=18))
def test_a_shown_balance_reads_back_as_itself(balance: Decimal) -> None:
    assert Decimal(figures.quantity(balance).replace(",", "")) == balance


@given(st.floats(1e-12, 1e14))
def test_a_shown_price_is_rounded_by_half_of_its_last_digit_at_most(value: float) -> None:
    shown = float(figures.price(value).replace(",", ""))
    tolerance = 0.005 if value >= 1 else 0.0005 * value
    assert shown == pytest.approx(value, abs=tolerance, rel=1e-12)


@given(st.floats(1e-6, 1e6), st.floats(1e-8, 1e9))
def test_a_shown_price_times_the_shown_units_is_the_value_to_the_cent(
    price: float, units: float
) -> None:
    shown_price = Decimal(figures.price_of(price, units).replace(",", ""))
    shown_units = Decimal(figures.units_at(units, price).replace(",", ""))
    # Above 10^5 units, or dollars, the eighth decimal is the last that is shown.
    beyond = max(1.0, units / 1e5, price / 1e5)
    assert float(shown_price * shown_units) == pytest.approx(price * units, abs=0.011 * beyond)


@pytest.mark.parametrize(
    ("balances", "shown"),
    [
        (["0.5", "10000", "1.25"], ["0.50", "10,000.00", "1.25"]),
        (["2", "3"], ["2", "3"]),
        (["1000", "20"], ["1,000", "20"]),
        (["0.285787440040842454", "7"], ["0.28578744", "7.00000000"]),
        (["0.000000000000000001"], ["<0.00000001"]),
        (["0"], ["0"]),
        ([], []),
    ],
)
def test_a_column_of_balances_aligns_at_the_point(balances: list[str], shown: list[str]) -> None:
    column = [Decimal(balance) for balance in balances]
    decimals = figures.shared_decimals(column)
    assert [figures.aligned(balance, decimals) for balance in column] == shown


# --- Styles ---------------------------------------------------------------------------------------

STYLES = {
    "comma_point": "1,234,567.89",
    "point_comma": "1.234.567,89",
    "space_point": "1\u00a0234\u00a0567.89",
    "space_comma": "1\u00a0234\u00a0567,89",
}


def read_back(text: str, style: str) -> Decimal:
    """The number that a reader of this style takes the text for."""
    thousands, decimals = (figures.MARKS[name] for name in style.split("_"))
    return Decimal(text.replace(thousands, "").replace(decimals, ".").replace("−", "-"))


def test_every_style_that_an_account_knows_can_be_written() -> None:
    assert set(STYLES) == set(NumberStyle.values)


@pytest.mark.parametrize(("style", "shown"), STYLES.items())
def test_thousands_and_decimals_are_marked_in_the_reader_s_style(style: str, shown: str) -> None:
    with figures.written_in(style):
        assert figures.money(1234567.89) == shown
    assert figures.money(1234567.89) == "1,234,567.89"


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("figure", "value", "shown"),
    [
        (figures.money, 0.004, "<0.01"),
        (figures.money, 1e15, "1.00e15"),
        (figures.price, 0.5, "0.5000"),
        (figures.price, 1.5e-20, "1.500e−20"),
        (figures.percent, 0.0525, "5.2"),
        (figures.exact_percent, Decimal("0.125"), "12.5"),
        (figures.signed_percent, 0.062, "+6.2"),
        (figures.signed_percent, -0.031, "−3.1"),
        (figures.signed_percent, 0.0004, "0.0"),
        (figures.quantity, Decimal("1200.5"), "1,200.5"),
        (figures.ratio, -0.925, "−0.92"),
    ],
)
def test_each_figure_follows_the_style_once(
    style: str, figure: Any, value: object, shown: str
) -> None:
    thousands, decimals = (figures.MARKS[name] for name in style.split("_"))
    with figures.written_in(style):
        assert figure(value) == shown.translate({ord(","): thousands, ord("."): decimals})


@pytest.mark.parametrize("style", STYLES)
def test_the_words_beside_a_figure_are_the_same_in_every_style(style: str) -> None:
    with figures.written_in(style):
        words = [figures.side(drift) for drift in (0.062, -0.031, 0.0004, None)]
        assert words == ["over", "under", "on target", ""]
        shown = figures.signed_percent(-0.5)
        assert figures.change(-0.5) == f'<span class="loss">{shown} down</span>'


@given(st.decimals(Decimal(0), Decimal(10) ** 20, places=18), st.sampled_from(list(STYLES)))
def test_a_balance_reads_back_as_itself_in_every_style(balance: Decimal, style: str) -> None:
    with figures.written_in(style):
        assert read_back(figures.quantity(balance), style) == balance
        # What stands in a form is typed the same way everywhere.
        assert Decimal(figures.typed_quantity(balance)) == balance
        assert Decimal(figures.typed_percent(balance)) == balance * 100


def test_a_value_in_another_unit_has_its_symbol_and_nothing_when_it_is_unknown() -> None:
    bitcoin = Unit("BTC", 50_000.0)
    assert figures.in_unit(125_000.0, bitcoin) == "2.50 BTC"
    assert figures.in_unit(18_605.0, bitcoin) == "0.3721 BTC"
    for value, unit in ((None, bitcoin), (math.nan, bitcoin), (1.0, None)):
        assert figures.in_unit(value, unit) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1.500000000000000000"), "1.5"),
        (Decimal("1116.975139581122855045"), "1,116.97513958"),
        (Decimal("0.000000000000000001"), "0.000000000000000001"),
        (Decimal("0.00000123456789"), "0.000001235"),
        (Decimal(0), "0"),
        (None, "—"),
    ],
)
def test_units_in_a_list_have_eight_decimals_and_never_look_like_nothing(value, text):
    assert figures.units(value) == text


@pytest.mark.parametrize(
    ("value", "text", "word", "colour"),
    [
        (12.5, "+12.50", "a gain", "gain"),
        (Decimal("-3.1"), "−3.10", "a loss", "loss"),
        (0, "0.00", "neither gain nor loss", ""),
        (Decimal("0.001"), "+<0.01", "a gain", "gain"),
        (None, "—", "", ""),
    ],
)
def test_a_gain_has_a_sign_a_word_and_a_colour(value, text, word, colour):
    shown = figures.signed_money(value), figures.gain_or_loss(value), figures.gain_class(value)
    assert shown == (text, word, colour)
