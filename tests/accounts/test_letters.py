"""Letters: who gets one, when it leaves, and that nothing is said twice."""

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from django.db.models.functions import Now
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import tasks
from accounts.models import Kind, Notification, OutgoingEmail, User
from accounts.services import letter_times, letters, notifications, outbox, unsubscribe
from tests.accounts.conftest import MailServer
from tests.factories import UserFactory, notification

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago",
         "Africa/Cairo"]  # fmt: skip
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday


def due(zone: str, hour: int, after: datetime, preference: str = "daily") -> datetime:
    return letter_times.next_due(preference=preference, hour=hour, time_zone=zone, after=after)


def local(zone: str, *moment: int, fold: int = 0) -> datetime:
    return datetime(*moment, tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


# --- The hour ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "hour", "day", "on_the_clock"),
    [  # each clock leaves out this hour, or half of it, on this day
        ("Europe/Berlin", 2, (2026, 3, 29), (3, 0)),
        ("America/New_York", 2, (2026, 3, 8), (3, 0)),
        ("Australia/Lord_Howe", 2, (2026, 10, 4), (2, 30)),
        ("America/Santiago", 0, (2026, 9, 6), (1, 0)),
        ("Africa/Cairo", 0, (2026, 4, 24), (1, 0)),
    ],
)
def test_an_hour_that_a_clock_leaves_out_is_where_the_clock_goes_on(
    zone: str, hour: int, day: tuple[int, int, int], on_the_clock: tuple[int, int]
) -> None:
    before = local(zone, *day, 12) - timedelta(days=1)
    moment = due(zone, hour, before).astimezone(ZoneInfo(zone))
    assert (moment.year, moment.month, moment.day) == day
    assert (moment.hour, moment.minute) == on_the_clock


@pytest.mark.parametrize(
    ("zone", "hour", "day"),
    [  # each clock shows this hour, or half of it, twice on this day
        ("Europe/Berlin", 2, (2026, 10, 25)),
        ("America/New_York", 1, (2026, 11, 1)),
        ("Australia/Lord_Howe", 1, (2026, 4, 5)),
        ("America/Santiago", 23, (2026, 4, 4)),
        ("Africa/Cairo", 23, (2026, 10, 29)),
    ],
)
def test_of_an_hour_that_a_clock_shows_twice_only_the_first_counts(
    zone: str, hour: int, day: tuple[int, int, int]
) -> None:
    first = due(zone, hour, local(zone, *day))
    assert first == local(zone, *day, hour, fold=0)
    assert first < local(zone, *day, hour, fold=1) or zone == "Australia/Lord_Howe"
    again = due(zone, hour, first + timedelta(minutes=1))
    assert again == local(zone, *day, hour) + (again - first)
    assert timedelta(hours=24) <= again - first <= timedelta(hours=25)
    assert again.astimezone(ZoneInfo(zone)).hour == hour


@settings(max_examples=200, deadline=None)
@given(
    zone=st.sampled_from([*ZONES, "UTC", "Asia/Kolkata", "Pacific/Apia"]),
    hour=st.integers(0, 23),
    after=st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    preference=st.sampled_from(["daily", "weekly"]),
)
def test_every_period_has_one_moment_and_it_is_on_the_reader_s_clock(
    zone: str, hour: int, after: datetime, preference: str
) -> None:
    first = due(zone, hour, after, preference)
    second = due(zone, hour, first + timedelta(seconds=1), preference)
    period = timedelta(days=7 if preference == "weekly" else 1)
    # A clock may jump by an hour; Samoa once left out a whole day.
    assert after <= first <= after + period + timedelta(hours=25)
    assert abs(second - first - period) <= timedelta(hours=24 if zone == "Pacific/Apia" else 1)
    shown = first.astimezone(ZoneInfo(zone))
    left_out = shown.hour != hour or shown.minute != 0
    if left_out:  # then that hour does not exist: one second before the clock was before it
        before = (first - timedelta(seconds=1)).astimezone(ZoneInfo(zone))
        assert before.replace(tzinfo=None) < datetime(*shown.timetuple()[:3], hour) + timedelta(1)
        assert before.utcoffset() != shown.utcoffset()
    elif preference == "weekly":
        assert shown.weekday() == 0


# --- Who gets one, and when --------------------------------------------------------------------


@pytest.mark.django_db
class TestQueue:
    @pytest.mark.parametrize(
        ("preference", "expected"),
        [
            ("each", NOON),
            ("daily", datetime(2026, 3, 4, 22, tzinfo=UTC)),  # 7 in Tokyo on the 5th
            ("weekly", datetime(2026, 3, 8, 22, tzinfo=UTC)),  # 7 in Tokyo on Monday the 9th
        ],
    )
    def test_a_letter_leaves_when_its_reader_wants_it(
        self, preference: str, expected: datetime
    ) -> None:
        user = UserFactory(alert_preference=preference, time_zone="Asia/Tokyo", letter_hour=7)
        notification(user)
        assert letters.queue(now=NOON) == 1
        letter = OutgoingEmail.objects.get()
        assert (letter.due_at, letter.user, letter.recipient) == (expected, user, user.email)

    def test_all_news_is_in_one_letter_and_queueing_again_changes_nothing(self) -> None:
        user = UserFactory(alert_preference="weekly")
        for n in range(3):
            notification(user, key=str(n))
        assert [letters.queue(now=NOON) for _ in range(2)] == [1, 0]
        notification(user, key="later")
        assert letters.queue(now=NOON + timedelta(days=1)) == 0
        assert OutgoingEmail.objects.get().notifications.count() == 4

    def test_what_comes_after_a_letter_was_claimed_goes_into_the_next(self) -> None:
        user = UserFactory()
        notification(user, key="first")
        letters.queue()
        [claimed] = outbox.claim(limit=1)
        notification(user, key="second")
        assert letters.queue() == 1
        first, second = OutgoingEmail.objects.order_by("pk")
        assert first == claimed
        assert [item.key for item in first.notifications.all()] == ["first"]
        assert [item.key for item in second.notifications.all()] == ["second"]

    def test_who_chose_none_gets_none_and_nothing_old_later(self) -> None:
        user = UserFactory(alert_preference="none")
        notification(user, key="then")
        assert letters.queue() == 0
        User.objects.update(alert_preference="each")
        user.refresh_from_db()
        assert letters.queue() == 0, "that is old news"
        notification(user, key="now")
        assert letters.queue() == 1
        assert [item.key for item in OutgoingEmail.objects.get().notifications.all()] == ["now"]

    def test_a_muted_kind_is_on_the_site_only(self) -> None:
        user = UserFactory(muted_kinds=[Kind.BALANCE])
        notification(user, kind=Kind.BALANCE)
        assert letters.queue() == 0
        assert Notification.objects.filter(user=user).exists()

    def test_nobody_gets_two_letters_within_an_hour(self) -> None:
        user = UserFactory()
        sent = datetime.now(UTC)
        OutgoingEmail.objects.create(
            dedupe_key="earlier", user=user, recipient=user.email, kind="letter", state="sent",
            sent_at=sent,
        )  # fmt: skip
        notification(user)
        letters.queue()
        waiting = OutgoingEmail.objects.get(state="pending")
        assert waiting.due_at == sent + timedelta(hours=1)
        assert outbox.claim(limit=9) == []

    def test_who_changes_their_mind_gets_the_waiting_letter_then(self) -> None:
        user = UserFactory(alert_preference="weekly")
        notification(user)
        letters.queue(now=NOON)
        user.alert_preference, user.time_zone, user.letter_hour = "daily", "Europe/Berlin", 6
        letters.reschedule(user=user, now=NOON)
        assert OutgoingEmail.objects.get().due_at == datetime(2026, 3, 5, 5, tzinfo=UTC)

    def test_inactive_people_get_none(self) -> None:
        notification(UserFactory(is_active=False))
        assert letters.queue() == 0

    def test_an_hour_beyond_the_day_is_no_preference(self) -> None:
        from django.db import IntegrityError

        with pytest.raises(IntegrityError):
            UserFactory(letter_hour=24)


@pytest.mark.django_db(transaction=True)
def test_four_at_once_give_every_item_one_letter() -> None:
    people = UserFactory.create_batch(20, password="!")
    for person in people:
        for n in range(3):
            notification(person, key=str(n))
    start = threading.Barrier(4)
    begun: list[int] = []

    def queue() -> None:
        try:
            start.wait()
            begun.append(letters.queue())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=queue) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(begun) == 20
    assert not Notification.objects.filter(letter=None).exists()
    counts = [letter.notifications.count() for letter in OutgoingEmail.objects.all()]
    assert counts == [3] * 20


# --- What it says -------------------------------------------------------------------------------


@pytest.fixture
def told(db: None) -> User:
    user = UserFactory()
    notification(user, key="a", kind=Kind.REVIEW, subject="A review of Mine is due", body="See.")
    notification(user, key="b", kind=Kind.DEPEG, subject="USDT is 2.9 % off its peg", body="Ah.")
    return user


def test_the_most_urgent_comes_first_and_gives_the_subject(
    told: User, mail_server: MailServer
) -> None:
    tasks.send_due_mail()
    [message] = mail_server.messages
    assert message["Subject"] == "USDT is 2.9 % off its peg, and 1 more"
    text = message.get_body(("plain",)).get_content()
    assert text.index("USDT is 2.9 %") < text.index("A review of Mine")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_nothing_in_it_is_loaded_or_tracks(told: User) -> None:
    letters.queue()
    html = letters.write(OutgoingEmail.objects.get()).html
    for trace in ("<img", "<script", "<link", "src=", "url(", "@import"):
        assert trace not in html


def test_who_stops_letters_meanwhile_gets_none(told: User, mail_server: MailServer) -> None:
    letters.queue()
    unsubscribe.stop_letters(told)
    assert outbox.send_due().suppressed == 1
    assert mail_server.messages == []


def test_a_kind_that_is_muted_meanwhile_is_left_out(told: User) -> None:
    letters.queue()
    unsubscribe.end(unsubscribe.Subscription(told, Kind.DEPEG))
    letter = letters.write(OutgoingEmail.objects.get())
    assert letter.subject == "A review of Mine is due"
    assert "USDT" not in letter.text


def test_words_of_what_is_gone_say_so(db: None, client) -> None:
    user = UserFactory()
    Notification.objects.create(user=user, key="alert:1", kind=Kind.DRIFT, reference=10**9)
    client.force_login(user)
    assert "Something that is no longer there" in client.get("/account/notifications/").text
    letters.queue()
    assert letters.write(OutgoingEmail.objects.get()) is None


def test_a_letter_can_be_read_in_a_browser_and_nothing_else_can(
    told: User, client, settings
) -> None:
    settings.SITE_URL = ""
    letters.queue()
    outgoing = OutgoingEmail.objects.get()
    address = letters.browser_url(outgoing)
    assert client.get(address).status_code == 404, "it has not been written yet"
    outbox.claim(limit=1)
    outgoing.refresh_from_db()
    outbox._ensure_body(outgoing)
    page = client.get(address)
    assert "USDT is 2.9 % off its peg" in page.text
    policy = {rule.strip() for rule in page["Content-Security-Policy"].split(";")}
    assert {"default-src 'none'", "style-src 'unsafe-inline'", "form-action 'none'"} <= policy
    assert "script" not in page["Content-Security-Policy"]
    assert page["Referrer-Policy"] == "no-referrer"
    account = OutgoingEmail.objects.create(
        dedupe_key="x", recipient="a@example.org", kind="account", html="<p>secret</p>"
    )
    assert client.get(letters.browser_url(account)).status_code == 404
    assert client.get(f"{address[:-2]}/").status_code == 404


def test_purging_forgets_a_letter_s_words_and_keeps_the_items(told: User) -> None:
    letters.queue()
    outbox.claim(limit=1)
    OutgoingEmail.objects.update(
        state="sent", text="a", html="b", created_at=Now() - timedelta(days=31)
    )
    outbox.purge_bodies()
    assert OutgoingEmail.objects.get().html == ""
    assert notifications.with_words(Notification.objects.all())[0].subject
