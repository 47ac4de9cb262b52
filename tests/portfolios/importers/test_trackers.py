"""CoinTracking, Ghostfolio and Rotki: what their columns include, and what they leave to others."""

from zoneinfo import ZoneInfo

from tests.portfolios.importers.conftest import lines, read, refusals

COINTRACKING = "Type,Buy,Cur.,Sell,Cur.,Fee,Cur.,Exchange,Group,Comment,Date\n"
GHOSTFOLIO = "Date,Code,Currency,Price,Quantity,Action,Fee,Note\n"
EVENTS = "Type,Location,Currency,Amount,Fee,Fee Currency,Description,Timestamp\n"


def test_cointracking_s_amounts_include_the_fee_of_the_same_coin():
    text = COINTRACKING + (
        "Trade,1,BTC,505,USD,5,USD,,,,20.09.2019 13:00:00\n"
        "Trade,0.99,BTC,500,USD,0.01,BTC,,,,21.09.2019 13:00:00\n"
        "Withdrawal,-,,1.001,BTC,0.001,BTC,,,,22.09.2019 13:00:00\n"
        "Trade,1,BTC,500,USD,0.02,BNB,,,,23.09.2019 13:00:00\n"
        "Other Fee,-,,0.02,BNB,,,,,,23.09.2019 13:00:01\n"
    )
    assert lines(text) == [
        "buy +1 BTC -500 USD fee 5 USD",
        "buy +1 BTC -500 USD fee 0.01 BTC",
        "withdrawal -1 BTC fee 0.001 BTC",
        "buy +1 BTC -500 USD",
        "fee fee 0.02 BNB",
    ]


def test_cointracking_s_times_are_local():
    text = COINTRACKING + "Deposit,1,BTC,-,,-,,Exchange,,,20.09.2019 13:00:00\n"
    (entry,) = read(text, time_zone=ZoneInfo("Europe/Berlin")).entries
    assert entry.at.isoformat() == "2019-09-20T11:00:00+00:00"
    assert entry.note == "Exchange"


def test_a_gift_of_cointracking_s_may_go_either_way():
    text = COINTRACKING + (
        "Gift/Tip,0.001,BTC,-,,-,,,,,20.09.2019 13:00:00\n"
        "Gift/Tip,-,,0.0005,BTC,-,,,,,21.09.2019 13:00:00\n"
        "Deposit,-,,1,BTC,-,,,,,22.09.2019 13:00:00\n"
    )
    assert refusals(text) == [(4, "Buy", "It is empty.")]
    assert lines(text.rsplit("Deposit")[0]) == ["income +0.001 BTC", "withdrawal -0.0005 BTC"]


def test_ghostfolio_s_price_times_quantity_is_what_was_paid():
    text = GHOSTFOLIO + (
        "2021-09-16,BTC,USD,298.58,5,buy,19.00,First\n"
        "2021-09-17,BTC,USD,300,1,sell,0,\n"
        "2021-09-18,ETHEUR,EUR,0,2,buy,0,\n"
        "2021-09-19,ETH,EUR,1,0.5,interest,0,\n"
        "2021-09-20,Custody,EUR,0,0,fee,4.5,\n"
    )
    assert lines(text) == [
        "buy +5 BTC -1492.9 USD fee 19 USD",
        "sell +300 USD -1 BTC",
        "buy +2 ETH worth 0 EUR",
        "income +0.5 EUR",
        "fee fee 4.5 EUR",
    ]


def test_ghostfolio_s_flats_and_debts_are_left_out():
    text = (
        GHOSTFOLIO + "2021-09-16,Flat,USD,500000,1,item,0,\n2021-09-16,Loan,USD,5,1,liability,0,\n"
    )
    assert [row.reason for row in read(text).left_out] == [
        "It is a possession without a market.", "It is a debt, not a holding.",
    ]  # fmt: skip


def test_rotki_s_events_are_read_beside_its_trades():
    text = EVENTS + (
        "Deposit,kraken,EUR,1000,,,,1659085200000\n"
        "Withdrawal,kraken,BTC,0.5,0.001,BTC,To cold storage,1659085300000\n"
        "Income,kraken,ETH,0.1,,,,1659085400000\n"
        "Dance,kraken,ETH,0.1,,,,1659085400000\n"
    )
    assert refusals(text) == [(5, "Type", "“Dance” is not a type that is known here.")]
    assert lines(text.rsplit("Dance")[0]) == [
        "deposit +1000 EUR", "withdrawal -0.5 BTC fee 0.001 BTC", "income +0.1 ETH",
    ]  # fmt: skip
