# ruff: noqa: E501 (headers are as long as they are)
"""Coinbase's four generations, in made-up files after their documented headers."""

import pytest

from portfolios.importers import formats
from tests.portfolios.importers.conftest import lines, read, refusals

FIRST = """\
You can use this transaction report to inform your likely tax obligations.

Transactions
User,somebody@example.org,5f0000000000000000000000

Timestamp,Transaction Type,Asset,Quantity Transacted,EUR Spot Price at Transaction,EUR Subtotal,EUR Total (inclusive of fees),EUR Fees,Notes
2021-04-14T09:00:00Z,Buy,BTC,0.01,53000.00,530.00,537.95,7.95,Bought 0.01 BTC for €537.95 EUR
2021-05-01T10:00:00Z,Convert,BTC,0.005,48000.00,240.00,242.40,2.40,"Converted 0.005 BTC to 0.1 ETH"
2021-05-02T10:00:00Z,Coinbase Earn,GRT,2.5,1.20,3.00,3.00,0.00,Received 2.5 GRT from Coinbase Earn
2021-05-03T10:00:00Z,Send,ETH,0.05,2500.00,"","","",Sent 0.05 ETH to 0xabc
2021-05-04T10:00:00Z,Sell,BTC,0.002,47000.00,94.00,92.51,1.49,Sold 0.002 BTC for €92.51 EUR
"""
SECOND = """\
Timestamp,Transaction Type,Asset,Quantity Transacted,Spot Price Currency,Spot Price at Transaction,Subtotal,Total (inclusive of fees),Fees,Notes
2022-01-14T09:00:00Z,Buy,ETH,1.5,USD,3200.00,"4,800.00","4,871.52",71.52,"Bought 1.5 ETH for $4,871.52 USD"
2022-02-14T09:00:00Z,Advanced Trade Sell,ETH,0.5,USD,2900.00,1450.00,1441.30,8.70,"Sold 0.5 ETH for 1,450.00 USD on ETH-USD at 2900.00 USD/ETH"
2022-03-14T09:00:00Z,Receive,BTC,0.25,USD,39000.00,,,,Received 0.25 BTC from an external account
"""
THIRD = """\
Timestamp,Transaction Type,Asset,Quantity Transacted,Spot Price Currency,Spot Price at Transaction,Subtotal,Total (inclusive of fees and/or spread),Fees and/or Spread,Notes
2023-01-14T09:00:00Z,Rewards Income,USDC,1.23,EUR,0.92,1.13,1.13,0.00,Received 1.23 USDC
2023-02-14T09:00:00Z,Advance Trade Buy,SOL,10,EUR,22.50,225.00,226.35,1.35,"Bought 10 SOL for 0.0102 BTC on SOL-BTC at 0.00102 BTC/SOL"
2023-03-14T09:00:00Z,Convert,"USDC","1,000",EUR,0.93,930.00,935.00,5.00,"Converted 1,000 USDC to 0.0401 BTC"
"""
FOURTH = """\

Transactions
User,Somebody,5f0000000000000000000000
ID,Timestamp,Transaction Type,Asset,Quantity Transacted,Price Currency,Price at Transaction,Subtotal,Total (inclusive of fees and/or spread),Fees and/or Spread,Notes,Sender Address,Recipient Address
67645c5f00000000000000aa,2024-12-19 17:59:59 UTC,Sell,BTC,-0.01,EUR,"€96,500.00","€965.00","€950.62","€14.38",Sold 0.01 BTC for 950.62 EUR,,
67645c5f00000000000000ab,2024-12-20 17:59:59 UTC,Buy,BTC,0.85,EUR,"€96,828.24","€82,304.00","€83,530.33","€1,226.33",Bought 0.85 BTC,,
67645c5f00000000000000ac,2024-12-21 17:59:59 UTC,Send,ETH,-1.2,EUR,€3300.00,-€3960.00,-€3960.00,€0.00,Sent 1.2 ETH,,0xabc
67645c5f00000000000000ad,2024-12-22 17:59:59 UTC,Retail Staking Transfer,ETH,-2,EUR,€3300.00,-€6600.00,-€6600.00,€0.00,,,
67645c5f00000000000000ae,2024-12-23 17:59:59 UTC,Staking Income,ETH,0.0012,EUR,€3300.00,€3.96,€3.96,€0.00,,,
67645c5f00000000000000af,2024-12-24 17:59:59 UTC,Deposit,EUR,100,EUR,€1.00,€100.00,€100.00,€0.00,,,
"""
EXPECTED = {
    FIRST: [
        "buy +0.01 BTC -530 EUR fee 7.95 EUR",
        "swap +0.1 ETH -0.005 BTC worth 240 EUR",
        "income +2.5 GRT worth 3 EUR",
        "withdrawal -0.05 ETH",
        "sell +94 EUR -0.002 BTC fee 1.49 EUR",
    ],
    SECOND: [
        "buy +1.5 ETH -4800 USD fee 71.52 USD",
        "sell +1450 USD -0.5 ETH fee 8.7 USD",
        "deposit +0.25 BTC",
    ],
    THIRD: [
        "income +1.23 USDC worth 1.13 EUR",
        "swap +10 SOL -0.0102 BTC",
        "swap +0.0401 BTC -1000 USDC worth 930 EUR",
    ],
    FOURTH: [
        "sell +965 EUR -0.01 BTC fee 14.38 EUR",
        "buy +0.85 BTC -82304 EUR fee 1226.33 EUR",
        "withdrawal -1.2 ETH worth 3960 EUR",
        "income +0.0012 ETH worth 3.96 EUR",
        "deposit +100 EUR worth 100 EUR",
    ],
}
GENERATIONS = pytest.mark.parametrize("text", EXPECTED, ids=["V1", "V2", "V3", "V4"])


@GENERATIONS
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_each_generation_says_the_same_in_its_own_header(text, newline):
    text = text.replace("\n", newline)
    assert formats.find(text).format == "coinbase"
    assert lines(text) == EXPECTED[text.replace(newline, "\n")]


def test_what_moved_within_coinbase_is_left_out_and_said():
    (left,) = read(FOURTH).left_out
    assert (left.line, left.reason) == (8, "It moved within Coinbase.")


def test_the_newest_generation_has_ids_and_utc_in_words():
    first = read(FOURTH).entries[0]
    assert first.external_id == "coinbase:67645c5f00000000000000aa"
    assert first.at.isoformat() == "2024-12-19T17:59:59+00:00"


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        ("Converted 1,000 USDC to 0.0401 BTC", "Converted it",
         (4, "Notes", "It does not say what the asset was converted to.")),
        ("Converted 1,000 USDC", "Converted 1,000 DAI",
         (4, "Notes", "It is about DAI and not about USDC.")),
        ("Rewards Income", "Time Travel",
         (2, "Transaction Type", "“Time Travel” is not a type that is known here.")),
        ("1.23,EUR", "NaN,EUR", (2, "Quantity Transacted", "“NaN” is not a number.")),
        ("2023-01-14T09:00:00Z", "", (2, "Timestamp", "It is empty.")),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_names_its_line_its_column_and_why(old, new, refusal):
    assert refusals(THIRD.replace(old, new)) == [refusal]


def test_a_purchase_without_what_it_cost_is_refused():
    text = SECOND.replace('"4,800.00","4,871.52",71.52', ",,")
    assert refusals(text) == [
        (2, "Subtotal", "It is empty or zero, so what was paid is unknown.")
    ]  # fmt: skip
