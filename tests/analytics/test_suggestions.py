"""The life of a suggestion: what becomes of it, night after night and by its owner's word."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notification
from analytics.models import AlertEvent, BreachEpisode, NightlyRun, Suggestion, SuggestionLife
from analytics.services import nights, recomputation, suggestions
from analytics.services.suggestions import Fill, SuggestionError
from portfolios.models import Transaction
from portfolios.services.errors import ConflictError, ShortfallError
from tests.analytics.conftest import rehold
from tests.factories import guest

State = SuggestionLife.State
HALVES = {"BTC": "0.5", "SOL": "0.5"}
NOW = datetime(2024, 7, 1, 9, tzinfo=UTC)
LATER = datetime(2025, 1, 2, 9, tzinfo=UTC)  # the balances of the factories are of 2024's last day
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def portfolio(hold):
    """Seven points off: one band and a bit."""
    return hold({"BTC": 57, "SOL": 43}, HALVES, name="Rainy days")


@pytest.fixture
def night(as_of):
    return lambda n=0: nights.run_to_end(as_of=as_of + timedelta(days=n))


def lives(portfolio) -> list[tuple]:
    rows = SuggestionLife.objects.filter(portfolio=portfolio).order_by("pk")
    return [(life.state, life.ended_on is None, life.level) for life in rows]


def letters() -> int:
    return Notification.objects.filter(kind="drift").count()


def life_of(portfolio) -> SuggestionLife:
    life = suggestions.current(portfolio)
    assert life is not None
    return life


# --- Night after night --------------------------------------------------------------------------


def test_a_night_opens_a_life_and_the_next_ones_renew_it(portfolio, night):
    first = night()
    for n in (1, 2):
        night(n)
    assert lives(portfolio) == [("open", True, 1)]
    life = life_of(portfolio)
    assert (life.run, life.episode) == (first, BreachEpisode.objects.get())
    assert letters() == 1


def test_a_band_further_off_it_is_another_one_with_a_letter_of_its_own(portfolio, coins, night):
    night()
    rehold(portfolio, coins["BTC"], 67)  # 11 points off
    night(1)
    assert lives(portfolio) == [("superseded", False, 1), ("open", True, 2)]
    assert letters() == 2
    rehold(portfolio, coins["BTC"], 57)  # nearer again: the same one
    night(2)
    assert lives(portfolio)[1:] == [("open", True, 2)]
    assert letters() == 2


def test_it_ends_with_its_episode_and_the_next_breach_has_a_new_one(portfolio, coins, night, as_of):
    night()
    rehold(portfolio, coins["BTC"], 43)
    night(1)
    assert lives(portfolio) == [("open", True, 1)], "one calm night ends nothing"
    night(2)
    assert lives(portfolio) == [("superseded", False, 1)]
    assert SuggestionLife.objects.get().ended_on == as_of + timedelta(days=2)
    rehold(portfolio, coins["BTC"], 57)
    night(3)
    assert lives(portfolio)[1:] == [("open", True, 1)]
    assert letters() == 2


@pytest.mark.parametrize("state", ["dismissed", "snoozed"])
def test_what_was_put_aside_stays_so_and_writes_nothing_until_it_is_a_band_worse(
    portfolio, coins, night, state
):
    portfolio.fee_rate = Decimal("0.09")  # not worth it at first, so that nothing is written yet
    portfolio.save()
    run = night()
    life = suggestions.take_up(portfolio=portfolio, run=run)
    if state == "dismissed":
        suggestions.dismiss(life=life, by=portfolio.owner, now=NOW)
    else:
        until = date(2024, 8, 1)
        suggestions.snooze(life=life, until=until, by=portfolio.owner, now=NOW)
    portfolio.fee_rate = Decimal("0.0001")
    portfolio.save()
    night(1)
    assert lives(portfolio) == [(state, True, 1)]
    assert letters() == 0
    assert not AlertEvent.objects.exists()
    rehold(portfolio, coins["BTC"], 67)
    night(2)
    assert lives(portfolio) == [(state, False, 1), ("open", True, 2)]
    assert letters() == 1


def test_a_dismissed_one_ends_dismissed_with_its_episode(portfolio, coins, night):
    night()
    suggestions.dismiss(life=life_of(portfolio), by=portfolio.owner, now=NOW)
    rehold(portfolio, coins["BTC"], 43)
    for n in (1, 2):
        night(n)
    assert lives(portfolio) == [("dismissed", False, 1)]


def test_a_snooze_ends_on_its_day_with_a_letter(portfolio, night, as_of):
    night()
    day = as_of + timedelta(days=3)  # the night of the second day runs on its morning
    life = suggestions.snooze(life=life_of(portfolio), until=day, by=None, now=NOW)
    night(1)
    life.refresh_from_db()
    assert (life.state, letters()) == ("snoozed", 1)
    night(2)
    assert lives(portfolio) == [("open", True, 1)]
    assert letters() == 2


def test_a_guest_s_suggestion_lives_without_an_episode_and_joins_one_on_sign_up(portfolio, night):
    owner = portfolio.owner
    portfolio.owner = guest()
    portfolio.save()
    night()
    life = suggestions.dismiss(life=life_of(portfolio), by=portfolio.owner, now=NOW)
    assert life.episode is None
    portfolio.owner = owner
    portfolio.save()
    night(1)
    assert lives(portfolio) == [("dismissed", True, 1)]
    assert life_of(portfolio).episode == BreachEpisode.objects.get()
    assert letters() == 0


def test_publishing_twice_changes_no_life(portfolio, night):
    run = night()
    before = list(SuggestionLife.objects.values())
    suggestions.advance(run=run)
    assert list(SuggestionLife.objects.values()) == before


def test_the_same_night_calculated_again_leaves_the_life_as_it_is(portfolio, night):
    night()
    AlertEvent.objects.all().delete()
    before = Suggestion.objects.values().get(), SuggestionLife.objects.values().get()
    recomputation.recompute(portfolio_id=portfolio.pk)
    after = Suggestion.objects.values().get(), SuggestionLife.objects.values().get()
    assert {**after[0], "id": 0} == {**before[0], "id": 0}
    assert after[1] == before[1]


# --- What its owner says ------------------------------------------------------------------------


def fill(asset, quantity, price="100", fee="0", on=date(2025, 1, 1)) -> Fill:
    return Fill(asset, Decimal(quantity), Decimal(price), Decimal(fee), on)


def test_what_was_traded_becomes_lines_of_the_ledger(portfolio, coins, night):
    night()
    fills = [fill(coins["BTC"], "-7", fee="1.5"), fill(coins["SOL"], "6.9", price="101.25")]
    life = suggestions.mark_done(
        life=life_of(portfolio), by=portfolio.owner, now=LATER, fills=fills
    )
    assert (life.state, life.state_by, life.ended_on) == ("done", portfolio.owner, LATER.date())
    sale, purchase = Transaction.objects.exclude(kind="balance").order_by("kind").reverse()
    assert (sale.kind, sale.sent_asset, sale.sent_quantity) == ("sell", coins["BTC"], 7)
    assert (sale.received_asset, sale.received_quantity) == (coins["USD"], 700)
    assert (sale.fee_asset, sale.fee_quantity) == (coins["USD"], Decimal("1.5"))
    assert (purchase.kind, purchase.sent_quantity) == ("buy", Decimal("698.625"))
    held = dict(portfolio.holdings.values_list("asset__symbol", "quantity"))
    assert held == {"BTC": 50, "SOL": Decimal("49.9")}


def test_of_a_part_the_rest_is_suggested_the_next_night_without_another_letter(
    portfolio, coins, night
):
    night()
    fills = [fill(coins["BTC"], "-1")]
    suggestions.mark_done(life=life_of(portfolio), by=None, now=LATER, fills=fills)
    portfolio.refresh_from_db()
    night(1)
    assert lives(portfolio) == [("done", False, 1), ("open", True, 1)]
    assert letters() == 1


def test_done_without_recording_rests_until_the_portfolio_changes(portfolio, coins, night):
    night()
    suggestions.mark_done(life=life_of(portfolio), by=None, now=LATER)
    night(1)
    assert lives(portfolio) == [("done", True, 1)]
    rehold(portfolio, coins["BTC"], 56)
    night(2)
    assert lives(portfolio) == [("done", False, 1), ("open", True, 1)]


def test_what_the_ledger_refuses_leaves_everything_as_it_was(portfolio, coins, night):
    night()
    life = life_of(portfolio)
    for fills, expected, refusal in (
        ([fill(coins["SOL"], "1"), fill(coins["BTC"], "-58")], None, ShortfallError),
        ([fill(coins["BTC"], "-1")], 99, ConflictError),
    ):
        with pytest.raises(refusal):
            suggestions.mark_done(
                life=life, by=None, now=LATER, fills=fills, expected_revision=expected
            )
    assert lives(portfolio) == [("open", True, 1)]
    assert set(Transaction.objects.values_list("kind", flat=True)) == {"balance"}


def test_money_is_corrected_where_cash_is_not_followed_and_moves_along_where_it_is(
    hold, coins, night
):
    targets = {"BTC": "0.5", "USD": "0.5"}
    plain = hold({"BTC": 7, "USD": 300}, targets)
    follower = hold({"BTC": 7, "USD": 300}, targets, follows_cash=True)
    night()
    for portfolio in (plain, follower):
        fills = [fill(coins["BTC"], "-2", fee="1"), fill(coins["USD"], "199", price="1")]
        suggestions.mark_done(life=life_of(portfolio), by=None, now=LATER, fills=fills)
        held = dict(portfolio.holdings.values_list("asset__symbol", "quantity"))
        assert held == {"BTC": 5, "USD": 499}


def test_what_is_over_or_done_says_so(portfolio, coins, night):
    night()
    life = life_of(portfolio)
    with pytest.raises(SuggestionError, match="from tomorrow on"):
        suggestions.snooze(life=life, until=NOW.date(), by=None, now=NOW)
    suggestions.mark_done(life=life, by=None, now=NOW)
    with pytest.raises(SuggestionError, match="done already"):
        suggestions.dismiss(life=life, by=None, now=NOW)
    suggestions.reopen(life=life, by=None, now=NOW)
    suggestions.mark_done(life=life, by=None, now=LATER, fills=[fill(coins["BTC"], "-1")])
    with pytest.raises(SuggestionError, match="is over"):
        suggestions.reopen(life=life, by=None, now=NOW)


def test_the_same_word_twice_changes_nothing(portfolio, night):
    night()
    first = suggestions.dismiss(life=life_of(portfolio), by=portfolio.owner, now=NOW)
    again = suggestions.dismiss(life=first, by=None, now=NOW + timedelta(days=1))
    assert (again.state_by, again.state_at) == (portfolio.owner, NOW)


def test_without_a_suggestion_there_is_nothing_to_take_up(hold, night):
    calm = hold({"BTC": 5, "SOL": 5}, HALVES)
    run = night()
    with pytest.raises(SuggestionError, match="no suggestion"):
        suggestions.take_up(portfolio=calm, run=run)


# --- On the page --------------------------------------------------------------------------------


@pytest.fixture
def client(portfolio, night) -> Client:
    night()
    client = Client()
    client.force_login(portfolio.owner)
    return client


def post(client: Client, portfolio, name: str, **fields: object):
    address = reverse(f"analytics:suggestion-{name}", args=[portfolio.pk])
    return client.post(address, fields, follow=True)


def test_the_page_offers_what_can_be_done_and_says_what_was(client, portfolio):
    page = post(client, portfolio, "snooze", days=14).text
    assert f"Put aside until {timezone.now() + timedelta(days=14):%-d %B %Y}" in page
    assert "Put aside" in client.get(portfolio.get_absolute_url()).text
    page = post(client, portfolio, "reopen").text
    assert "The suggestion is open" in page
    page = post(client, portfolio, "dismiss").text
    assert "Dismissed on" in page
    assert life_of(portfolio).state_by == portfolio.owner
    assert "Dismissed" in client.get(portfolio.get_absolute_url()).text
    assert "Choose for how long." in post(client, portfolio, "snooze", days=5).text


def test_the_form_begins_as_suggested_and_what_is_emptied_was_not_traded(client, portfolio, coins):
    address = reverse("analytics:suggestion-done", args=[portfolio.pk])
    fields = dict(client.get(address).context["form"].initial)
    form = client.get(address).context["form"]
    fields |= {name: field.initial for name, field in form.fields.items() if field.initial}
    btc, sol = coins["BTC"].pk, coins["SOL"].pk
    suggested = Suggestion.objects.get()
    units = dict(zip(suggested.asset_ids, suggested.quantities, strict=True))
    assert Decimal(fields[f"quantity-{btc}"]) == pytest.approx(Decimal(-units[btc]))
    assert Decimal(fields[f"price-{btc}"]) == 100
    fees = sum(Decimal(fields[f"fee-{pk}"]) for pk in (btc, sol))
    assert float(fees) == pytest.approx(suggested.fees, abs=0.01)
    nothing = fields | {f"quantity-{pk}": "" for pk in (btc, sol)}
    assert "Enter what was traded" in client.post(address, nothing).text
    wrong = client.post(address, fields | {f"quantity-{btc}": "much", f"price-{sol}": ""})
    assert wrong.status_code == 422
    assert "Enter a number such as" in wrong.text
    assert "Enter the price." in wrong.text
    too_much = client.post(address, fields | {f"quantity-{btc}": "60"})
    assert "more than is held" in too_much.text
    done = client.post(address, fields | {f"quantity-{sol}": ""}, follow=True)
    assert "1 trade is in the ledger." in done.text
    assert Transaction.objects.filter(kind="sell").count() == 1
    assert not Transaction.objects.filter(kind="buy").exists()


def test_the_form_begins_with_the_trades_of_the_plan_that_was_looked_at(client, portfolio, coins):
    address = reverse("analytics:suggestion-done", args=[portfolio.pk])
    quantity = f"quantity-{coins['BTC'].pk}"

    def units(asked: dict[str, str]) -> float:
        return float(client.get(address, asked).context["form"].fields[quantity].initial)

    whole = units({})
    assert units({"mode": "half"}) == pytest.approx(whole / 2, rel=0.01)
    assert units({"mode": "sideways"}) == whole, "no plan: as suggested"
    page = reverse("analytics:rebalance", args=[portfolio.pk])
    assert f"{address}?mode=half" in client.get(page, {"mode": "half"}).text


def test_done_without_recording_says_so_on_the_page(client, portfolio):
    page = post(client, portfolio, "done", revision=portfolio.revision, unrecorded="yes").text
    assert "was not recorded" in page
    assert lives(portfolio) == [("done", True, 1)]


def test_after_the_trades_the_portfolio_is_calculated_anew_and_in_balance(client, portfolio):
    address = reverse("analytics:suggestion-done", args=[portfolio.pk])
    form = client.get(address).context["form"]
    fields = {"revision": portfolio.revision}
    fields |= {name: field.initial for name, field in form.fields.items() if field.initial}
    client.post(address, fields)
    recomputation.recompute(portfolio_id=portfolio.pk)
    portfolio.refresh_from_db()
    result = portfolio.results.get(revision=portfolio.revision)
    assert result.status == "in_balance"
    assert result.worst_drift < 0.001
    assert client.get(address).status_code == 302
    assert NightlyRun.objects.get().results.count() == 2
