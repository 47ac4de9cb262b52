"""Trying the site without signing up: what there is at once, how much of it, and no letters."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import Notification, OutgoingEmail, User
from accounts.services import guests
from analytics import tasks
from analytics.models import AlertEvent, BreachEpisode, PortfolioResult
from analytics.services import nights
from portfolios.models import Portfolio
from portfolios.services import portfolios
from portfolios.services.errors import SandboxFullError
from portfolios.services.sandboxes import MAX_PORTFOLIOS
from tests.factories import PortfolioFactory, UserFactory, guest
from tests.portfolios.factories import ModelPortfolioFactory, ModelPortfolioLineFactory

HALVES = {"BTC": "0.5", "SOL": "0.5"}
BACKEND = "accounts.services.guests.GuestBackend"
TRY_IT = "/sandbox/"
LIST = "/portfolios/"


@pytest.fixture(autouse=True)
def own_cache(settings):
    """Rate limits of one test must not meet another."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """The worker's task, done while it is asked for."""
    monkeypatch.setattr(tasks.recompute_portfolio, "delay", tasks.recompute_portfolio)


def model(coins, name, **weights):
    made = ModelPortfolioFactory(name=name, slug=name.lower())
    for symbol, weight in weights.items():
        ModelPortfolioLineFactory(model_portfolio=made, asset=coins[symbol], weight=Decimal(weight))
    return made


@pytest.fixture
def night(coins, as_of):
    """Three models, and a night that knows half a year of prices."""
    for name in ("Calm", "Moderate", "Wild"):
        model(coins, name, BTC="0.6", SOL="0.3", USD="0.1")
    return nights.run_to_end(as_of=as_of)


@pytest.mark.django_db
def test_who_opens_the_address_is_told_what_a_sandbox_is_and_given_none(client):
    page = client.get(TRY_IT)
    assert "It is yours for seven days." in page.text
    assert f'action="{TRY_IT}"' in page.text
    assert not User.objects.exists()


def only_guest() -> User:
    return User.objects.get(guest_since__isnull=False)


# --- The beginning --------------------------------------------------------------------------------


def test_a_visitor_finds_a_calculated_example_without_a_night(night, client, monkeypatch):
    monkeypatch.setattr("analytics.services.examples.MIN_AGE_DAYS", 1)
    response = client.post(TRY_IT)
    example = only_guest().portfolios.get()
    assert response.headers["Location"] == example.get_absolute_url()
    page = " ".join(client.get(response.headers["Location"]).content.decode().split())
    assert "Moderate since" in page
    assert "What it is worth" in page
    assert "An example: 25,000 US dollars" in page
    assert "This is a sandbox" in page
    assert PortfolioResult.objects.get(portfolio=example).run == night


def test_a_model_s_page_leads_to_an_example_of_that_model(night, client, monkeypatch):
    monkeypatch.setattr("analytics.services.examples.MIN_AGE_DAYS", 1)
    assert 'name="model" value="wild"' in client.get("/models/wild/").content.decode()
    client.post(TRY_IT, {"model": "wild"})
    assert only_guest().portfolios.get().name.startswith("Wild since")


@pytest.mark.parametrize("page", ["/account/login/", "/account/signup/", "/models/"])
@pytest.mark.django_db
def test_the_pages_that_a_visitor_meets_offer_it_and_those_of_others_do_not(page, client):
    assert "Try it without signing up" in client.get(page).content.decode()
    for user, backend in ((guest(), BACKEND), (UserFactory(), None)):
        client.force_login(user, backend=backend)
        assert "Try it" not in client.get(page, follow=True).content.decode()


@pytest.mark.django_db
def test_without_prices_or_models_a_guest_begins_with_the_empty_list(client):
    response = client.post(TRY_IT)
    assert response.headers["Location"] == LIST
    assert "See the models" in client.get(LIST).content.decode()


@pytest.mark.django_db
def test_the_wizard_s_address_makes_a_visitor_a_guest_at_its_first_question(client):
    offered = client.get(reverse("analytics:wizard"), follow=True)
    assert offered.redirect_chain == [(f"{TRY_IT}?start=questions", 302)]
    assert 'name="start" value="questions"' in offered.text
    assert not User.objects.exists()
    page = client.post(TRY_IT, {"start": "questions"}, follow=True)
    assert page.redirect_chain[0] == (reverse("analytics:wizard"), 302)
    assert page.request["PATH_INFO"] == reverse("analytics:wizard-step", args=["questions"])
    assert not only_guest().portfolios.exists()
    again = client.get(f"{TRY_IT}?start=questions")
    assert again.headers["Location"] == reverse("analytics:wizard")


@pytest.mark.django_db
def test_who_is_logged_in_gets_no_second_self(client):
    for user, backend in ((UserFactory(), None), (guest(), BACKEND)):
        client.force_login(user, backend=backend)
        assert client.post(TRY_IT).headers["Location"] == LIST
    assert User.objects.count() == 2


@pytest.mark.django_db
def test_asking_takes_a_form_of_ours():
    browser = Client(enforce_csrf_checks=True)
    assert browser.post(TRY_IT).status_code == 403
    assert not User.objects.exists()


# --- Bounds ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_one_address_gets_five_sandboxes_a_minute_and_is_told_in_words():
    answers = [Client().post(TRY_IT) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [302] * 5 + [429]
    assert "That was too often" in answers[-1].content.decode()
    assert Client(REMOTE_ADDR="203.0.113.7").post(TRY_IT).status_code == 302
    assert User.objects.count() == 6


@pytest.mark.django_db
def test_one_address_gets_twenty_sandboxes_an_hour():
    made = 0
    with time_machine.travel("2026-01-31 12:00Z", tick=False) as clock:
        for _ in range(10):
            made += sum(Client().post(TRY_IT).status_code == 302 for _ in range(5))
            clock.shift(timedelta(minutes=1.5))
    assert made == 20


@pytest.mark.django_db
def test_when_all_sandboxes_are_taken_it_says_so(client, monkeypatch):
    monkeypatch.setattr(guests, "MAX_GUESTS", 0)
    page = client.post(TRY_IT, follow=True)
    assert "All sandboxes are taken at the moment. Sign up instead." in page.content.decode()
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_sandbox_has_room_for_twenty_portfolios_deleted_ones_included(client):
    sandbox = guest()
    client.force_login(sandbox, backend=BACKEND)
    made = [portfolios.create(owner=sandbox, name=f"Number {n}") for n in range(MAX_PORTFOLIOS)]
    portfolios.delete(portfolio=made[0])
    with pytest.raises(SandboxFullError):
        portfolios.create(owner=sandbox, name="One more")
    refused = client.post("/portfolios/new/", {"name": "One more", "start": ""})
    assert refused.status_code == 422
    assert "A sandbox has room for 20 portfolios" in refused.content.decode()
    copied = client.post(reverse("portfolios:portfolio-clone", args=[made[1].pk]), follow=True)
    assert "A sandbox has room for 20 portfolios" in copied.content.decode()
    assert Portfolio.objects.count() == MAX_PORTFOLIOS


@pytest.mark.django_db
def test_a_person_has_as_many_portfolios_as_they_like():
    person = UserFactory()
    for n in range(MAX_PORTFOLIOS + 1):
        portfolios.create(owner=person, name=f"Number {n}")
    assert person.portfolios.count() == MAX_PORTFOLIOS + 1


# --- Letters --------------------------------------------------------------------------------------


@pytest.mark.parametrize("preference", ["each", "daily", "weekly", "none"])
def test_a_guest_s_breach_is_measured_and_nobody_is_written_to(hold, as_of, preference):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES, owner=guest(alert_preference=preference))
    run = nights.run_to_end(as_of=as_of)
    assert (run.in_breach, run.emails_queued) == (1, 0)
    assert portfolio.results.get().status == "in_breach"
    assert not OutgoingEmail.objects.exists()
    assert not AlertEvent.objects.exists()
    assert not BreachEpisode.objects.exists()


def test_the_first_night_after_signing_up_writes_about_a_breach_as_to_any_new_user(hold, as_of):
    sandbox, person = guest(), UserFactory()
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES, owner=sandbox)
    theirs = hold({"BTC": 9, "SOL": 1}, HALVES, owner=person)
    nights.run_to_end(as_of=as_of)
    assert [mail.user for mail in OutgoingEmail.objects.all()] == [person]

    guests.adopt(person=person, guest=sandbox)
    runs = [nights.run_to_end(as_of=as_of + timedelta(days=day)) for day in (1, 2)]
    assert AlertEvent.objects.get(portfolio=portfolio).run == runs[0]
    told = Notification.objects.filter(user=person)
    assert told.count() == 2, "once, as about any episode"
    assert told.filter(letter=OutgoingEmail.objects.get()).count() == 2, "the letter was waiting"
    assert BreachEpisode.objects.filter(portfolio=theirs).count() == 1


def test_results_come_along(hold, as_of, client):
    sandbox, person = guest(), UserFactory()
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES, owner=sandbox, name="Rainy days")
    PortfolioFactory(owner=person, name="Rainy days")
    nights.run_to_end(as_of=as_of)
    guests.adopt(person=person, guest=sandbox)
    client.force_login(person)
    page = " ".join(client.get(portfolio.get_absolute_url()).content.decode().split())
    assert "Rainy days (2)" in page
    assert "Out of its bands" in page
    assert "1,000.00" in page
