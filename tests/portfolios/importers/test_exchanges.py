"""Kraken, Binance and Coinbase Pro, in small made-up files: what their traps mean."""

from portfolios.importers import formats
from tests.portfolios.importers.conftest import lines, options, read, refusals

LEDGERS = "txid,refid,time,type,subtype,aclass,asset,amount,fee,balance\n"
TRADES = "txid,ordertxid,pair,time,type,ordertype,price,cost,fee,vol,margin,misc,ledgers\n"
STATEMENT = "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark\n"
FILLS = "Date(UTC),Pair,Side,Price,Executed,Amount,Fee\n"
PRO = "portfolio,type,time,amount,balance,amount/balance unit,transfer id,trade id,order id\n"


def test_kraken_s_rows_of_one_refid_are_one_transaction():
    text = LEDGERS + (
        "L1,R1,2021-02-02 13:30:51,trade,,currency,ZEUR,-997.4,2.6,0\n"
        "L2,R1,2021-02-02 13:30:51,trade,,currency,XXBT,0.034,0,0.034\n"
    )
    (entry,) = read(text).entries
    assert lines(text) == ["buy +0.034 BTC -997.4 EUR fee 2.6 EUR"]
    assert entry.external_id == "kraken:R1"


def test_kraken_s_two_files_know_a_fill_by_one_id():
    ledgers = LEDGERS + (
        "L1,T1,2021-02-02 13:30:51,trade,,currency,ZEUR,-997.4,2.6,0\n"
        "L2,T1,2021-02-02 13:30:51,trade,,currency,XXBT,0.034,0,0.034\n"
    )
    trades = TRADES + "T1,O1,XXBTZEUR,2021-02-02 13:30:51.7,buy,market,2,997.4,2.6,0.034,0,,L1,L2\n"
    assert lines(ledgers) == lines(trades)
    assert read(ledgers).entries[0].external_id == read(trades).entries[0].external_id


def test_kraken_s_staking_moves_are_left_out_and_its_rewards_are_not():
    text = LEDGERS + (
        ",R1,2021-02-02 10:00:00,deposit,,currency,DOT,5,0,\n"
        "L1,R1,2021-02-02 10:03:00,deposit,,currency,DOT,5,0,5\n"
        "L2,R2,2021-02-03 10:00:00,transfer,spottostaking,currency,DOT,-5,0,0\n"
        "L3,R3,2021-02-03 10:00:00,transfer,stakingfromspot,currency,DOT.S,5,0,5\n"
        "L4,R4,2021-02-10 10:00:00,staking,,currency,DOT.S,0.02,0,5.02\n"
        "L5,R5,2021-03-10 10:00:00,earn,reward,currency,ETH2.S,0.001,0.0001,1\n"
        "L6,R6,2021-03-11 10:00:00,withdrawal,,currency,XXDG,-7,1,0\n"
        "L7,R6,2021-03-11 10:05:00,withdrawal,,currency,XXDG,7,-1,8\n"
    )
    reading = read(text)
    assert [row.line for row in reading.left_out] == [2, 4, 5, 8, 9]
    assert lines(text) == [
        "deposit +5 DOT", "income +0.02 DOT", "income +0.001 ETH fee 0.0001 ETH",
    ]  # fmt: skip


def test_kraken_s_pairs_end_in_the_longest_currency_that_fits():
    def pair(name: str) -> str:
        row = f"T1,O1,{name},2021-02-02 13:30:51,sell,market,2,10,0,1,0,,L1,L2\n"
        return lines(TRADES + row)[0]

    assert pair("XBTUSDT") == "swap +10 USDT -1 BTC"
    assert pair("XETHXXBT") == "swap +10 BTC -1 ETH"
    assert pair("DOTEUR") == "sell +10 EUR -1 DOT"
    assert pair("SOL/USD") == "sell +10 USD -1 SOL"
    bad = TRADES + "T1,O1,ABC,2021-02-02 13:30:51,sell,market,2,10,0,1,0,,L1,L2\n"
    assert refusals(bad) == [(2, "pair", "“ABC” is not a pair that is known here.")]


def test_binance_s_rows_of_one_second_are_one_trade():
    text = STATEMENT + (
        "1,2024-05-16 12:57:55,Spot,Transaction Buy,HIGH,10,\n"
        "1,2024-05-16 12:57:55,Spot,Transaction Spend,BTC,-0.001,\n"
        "1,2024-05-16 12:57:55,Spot,Transaction Fee,HIGH,-0.01,\n"
        "1,2024-05-16 12:57:55,Spot,Transaction Buy,HIGH,20,\n"
        "1,2024-05-16 12:57:55,Spot,Transaction Spend,BTC,-0.002,\n"
        "1,2024-05-16 12:57:55,Spot,Transaction Fee,HIGH,-0.02,\n"
    )
    assert lines(text) == ["swap +30 HIGH -0.003 BTC fee 0.03 HIGH"]


def test_binance_s_moves_into_earn_are_left_out_and_a_short_row_is_read():
    text = STATEMENT + (
        "1,2023-01-13 06:57:00,Spot,Simple Earn Flexible Subscription,BUSD,-5,\n"
        "1,2023-01-14 06:57:00,Spot,Simple Earn Flexible Interest,BUSD,0.01\n"
        "1,2023-01-15 06:57:00,Funding,Transfer Between Main and Funding Wallet,USDT,-500,\n"
        "1,2023-01-16 06:57:00,USD-MFutures,Funding Fee,USDT,-0.07,\n"
    )
    assert [row.line for row in read(text).left_out] == [2, 4]
    assert lines(text) == ["income +0.01 BUSD", "fee fee 0.07 USDT"]


def test_binance_s_fills_have_units_even_of_tickers_that_begin_with_digits():
    text = FILLS + (
        "2022-02-02 10:00:00,SOLBUSD,BUY,110,0.18SOL,19.8BUSD,0.00018SOL\n"
        "2022-02-03 10:00:00,1INCHUSDT,SELL,2,10.51INCH,21USDT,0.0001BNB\n"
        '2022-02-04 10:00:00,BTCEUR,BUY,"40,000","0.5BTC","20,000EUR",0BNB\n'
    )
    expected = [
        "swap +0.18 SOL -19.8 BUSD fee 0.00018 SOL",
        "swap +21 USDT -10.5 1INCH fee 0.0001 BNB",
        "buy +0.5 BTC -20000 EUR",
    ]
    assert lines(text) == expected
    assert lines("\ufeff" + text) == expected
    assert lines(text.replace('"', "").replace("0,000", "0000").replace(",", ";")) == expected
    assert refusals(FILLS + "2022-02-02 10:00:00,SOLBUSD,BUY,110,0.18ETH,19.8BUSD,0\n") == [
        (2, "Pair", "“SOLBUSD” does not fit what was executed and its amount.")
    ]


def test_binance_s_older_fills_are_read_by_their_pair():
    text = "Date(UTC),Market,Type,Price,Amount,Total,Fee,Fee Coin\n"
    text += "2018-02-02 10:00:00,ETHBTC,SELL,0.1,2,0.2,0.001,BNB\n"
    assert lines(text) == ["swap +0.2 BTC -2 ETH fee 0.001 BNB"]


def test_a_statement_without_its_header_asks_whose_it_is():
    text = "2021-03-18 01:02:29,Spot,Super BNB Mining,ALICE,0.5,\n"
    asked = formats.questions(text, options())
    assert asked.formats == ("binance-statement",)
    assert lines(text, format="binance-statement") == ["income +0.5 ALICE"]
    assert formats.questions(text, options(format="kraken-trades")).formats


def test_coinbase_pro_s_match_and_fee_are_one_transaction():
    text = PRO + (
        "default,match,2018-03-15T10:55:12.843Z,52.3,52.3,ETH,,10201,o1\n"
        "default,match,2018-03-15T10:55:12.843Z,-1.14732,1.3,BTC,,10201,o1\n"
        "default,fee,2018-03-15T10:55:12.843Z,-0.0034,1.3,BTC,,10201,o1\n"
        "default,conversion,2019-03-15T10:55:12.843Z,-100,0,USD,,,\n"
        "default,conversion,2019-03-15T10:55:12.843Z,100,100,USDC,,,\n"
    )
    assert lines(text) == [
        "swap +52.3 ETH -1.14732 BTC fee 0.0034 BTC", "buy +100 USDC -100 USD",
    ]  # fmt: skip
