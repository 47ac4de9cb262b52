"""What counts: by hand, and what must hold for any portfolio."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.core import counted_holdings
from analytics.core.errors import NegativeValueError

MONEY = [False, False, True, True]
NOTHING = {"is_money": MONEY, "set_aside": False, "dry_powder": [False], "reserves": [0.0]}


def test_a_reserve_takes_the_same_part_of_all_money():
    shares = counted_holdings.shares([[50, 10, 30, 10]], **NOTHING | {"reserves": [10.0]})
    assert shares.tolist() == [[1, 1, 0.75, 0.75]]
    too_much = counted_holdings.shares([[50, 10, 30, 10]], **NOTHING | {"reserves": [41.0]})
    assert too_much.tolist() == [[1, 1, 0, 0]]


def test_dry_powder_and_what_is_set_aside_do_not_count():
    powder = counted_holdings.shares([[50, 10, 30, 10]], **NOTHING | {"dry_powder": [True]})
    assert powder.tolist() == [[1, 1, 0, 0]]
    aside = counted_holdings.shares(
        [[50, 10, 30, 10]],
        **NOTHING | {"set_aside": [True, False, True, False], "reserves": [5.0]},
    )  # the reserve comes out of the money that is left
    assert aside.tolist() == [[0, 1, 0, 0.5]]


@given(
    st.lists(st.floats(0, 1e9), min_size=4, max_size=4),
    st.floats(0, 1e9),
    st.booleans(),
)
def test_what_is_outside_is_the_reserve_as_far_as_there_is_money(values, reserve, dry_powder):
    shares = counted_holdings.shares(
        [values], **NOTHING | {"reserves": [reserve], "dry_powder": [dry_powder]}
    )
    outside = float((np.array(values) * (1 - shares)).sum())
    money = values[2] + values[3]
    assert outside == pytest.approx(money if dry_powder else min(reserve, money), abs=1e-6)


def test_a_negative_reserve_is_refused():
    with pytest.raises(NegativeValueError, match="reserves"):
        counted_holdings.shares([[1, 1, 1, 1]], **NOTHING | {"reserves": [-1.0]})


def test_forms_are_worth_what_they_cost_in_units_of_their_coin():
    closes = np.array([2000.0, 1900.0, np.nan, 1.0])
    counted = counted_holdings.grouped(
        [[1.0, 2.0, 3.0, 5.0]], closes, coins=[-1, 0, 0, -1]
    )  # the third has no price, and stays
    assert counted.tolist() == [[1 + 2 * 0.95, 0, 3, 5]]
    assert np.nansum(counted * closes) == pytest.approx(2000 + 3800 + 5)
