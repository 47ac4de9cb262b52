"""The notification centre: what a person should know, once."""

import csv
import io
import zipfile
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Kind, Notification, User
from accounts.services import exports, notifications
from tests.factories import UserFactory, guest, notification

pytestmark = pytest.mark.django_db
LIST = "/account/notifications/"


@pytest.fixture
def user() -> User:
    return UserFactory()


@pytest.fixture
def reader(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def many(user: User, number: int) -> None:
    Notification.objects.bulk_create(
        Notification(user=user, kind=Kind.DRIFT, key=f"many:{n}", subject=f"Item {n}")
        for n in range(number)
    )


def test_the_same_thing_is_said_once_and_to_each_person(user: User) -> None:
    for person in (user, user, UserFactory()):
        notification(person, key="drift:7")
    assert Notification.objects.filter(user=user).count() == 1
    assert Notification.objects.count() == 2


def test_a_guest_is_told_nothing() -> None:
    sandbox = guest()
    with pytest.raises(Notification.DoesNotExist):
        notification(sandbox)


def test_a_kind_that_nobody_can_switch_off_is_refused(user: User) -> None:
    with pytest.raises(ValueError, match="no-such-kind"):
        notification(user, kind="no-such-kind")


@pytest.mark.parametrize("link", ["https://example.org/", "//example.org/", "/\\example.org"])
def test_an_item_leads_nowhere_but_to_this_site(user: User, link: str) -> None:
    with pytest.raises(IntegrityError):
        notification(user, link=link)


def test_an_endless_subject_is_cut_and_stays_on_one_line(user: User) -> None:
    told = notification(user, subject="Far\n off " * 100)
    assert told.subject.startswith("Far off Far off")
    assert len(told.subject) == 200


def test_the_centre_shows_the_newest_first_and_only_one_s_own(user: User, reader: Client) -> None:
    notification(user, key="1", subject="First <b>thing</b>")
    notification(user, key="2", subject="Second thing", kind=Kind.REVIEW)
    notification(UserFactory(), subject="Somebody else's")
    page = reader.get(LIST).text
    assert page.index("Second thing") < page.index("First &lt;b&gt;thing&lt;/b&gt;")
    assert "A review is due" in page
    assert "2 unread" in page
    assert "Somebody else" not in page


def test_an_empty_centre_says_what_will_stand_there(reader: Client) -> None:
    page = reader.get(LIST).text
    assert "Nothing yet" in page
    assert "Mark all read" not in page


def test_opening_an_item_reads_it_and_leads_on(user: User, reader: Client) -> None:
    item = notification(user, link="/portfolios/")
    response = reader.post(f"{LIST}{item.pk}/")
    assert (response.status_code, response.url) == (302, "/portfolios/")
    item.refresh_from_db()
    first = item.read_at
    assert first is not None
    reader.post(f"{LIST}{item.pk}/")
    item.refresh_from_db()
    assert item.read_at == first


def test_an_item_can_be_read_without_leaving_the_page(user: User, reader: Client) -> None:
    many(user, 30)
    item = Notification.objects.earliest("pk")
    response = reader.post(f"{LIST}{item.pk}/", {"stay": "2"})
    assert response.url == f"{LIST}?page=2"
    assert Notification.objects.filter(read_at=None).count() == 29


def test_all_can_be_read_at_once_and_others_items_stay(user: User, reader: Client) -> None:
    many(user, 3)
    theirs = notification(UserFactory())
    assert "All 3 are read." in reader.post(f"{LIST}read/", follow=True).text
    theirs.refresh_from_db()
    assert theirs.is_unread
    page = reader.get(LIST).text
    assert "All read" in page
    assert "Mark read" not in page


@pytest.mark.parametrize(
    ("unread", "said"),
    [(0, None), (1, "1 unread"), (99, "99 unread"), (150, "more than 99 unread")],
)
def test_the_menu_says_how_many_are_unread(
    user: User, reader: Client, unread: int, said: str | None
) -> None:
    many(user, unread)
    page = reader.get(reverse("accounts:settings")).text
    expected = f"Notifications, {said}" if said else "Notifications"
    assert f'aria-label="{expected}"' in page


def test_the_badge_is_one_query_that_reads_the_index_of_what_is_unread(
    user: User, reader: Client
) -> None:
    many(user, 5)
    with CaptureQueriesContext(connection) as captured:
        reader.get(reverse("accounts:settings"))
    [query] = [each["sql"] for each in captured if "accounts_notification" in each["sql"]]
    Notification.objects.bulk_create(
        Notification(user=user, kind=Kind.DRIFT, key=f"old:{n}", read_at=Now()) for n in range(2000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_notification")
        cursor.execute(f"EXPLAIN {query}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "notifications_unread" in plan
    assert "LIMIT 100" in query


def test_a_visitor_s_pages_ask_for_no_notifications() -> None:
    with CaptureQueriesContext(connection) as captured:
        assert Client().get("/account/login/").status_code == 200
    assert not [each for each in captured if "accounts_notification" in each["sql"]]


def test_items_are_forgotten_after_a_year(user: User) -> None:
    old, new = notification(user, key="old"), notification(user, key="new")
    Notification.objects.filter(pk=old.pk).update(created_at=Now() - timedelta(days=366))
    assert notifications.purge() == 1
    assert Notification.objects.get() == new
    assert notifications.purge() == 0


def test_they_are_in_what_a_person_takes_along(user: User) -> None:
    notification(user, subject="=Moderate is off")
    archive = io.BytesIO()
    exports.write(user=user, to=archive)
    with zipfile.ZipFile(archive) as opened:
        [row] = csv.DictReader(io.StringIO(opened.read("notifications.csv").decode()))
    assert row["subject"] == "'=Moderate is off"
