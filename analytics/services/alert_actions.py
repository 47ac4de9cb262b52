"""What one click in a letter does about a suggestion, without a login."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import Notification
from accounts.services.actions import Action, ImpossibleAction
from analytics.models import AlertEvent, SuggestionLife
from analytics.services import suggestions

SNOOZE = timedelta(days=7)


def snooze(item: Notification) -> str:
    life, now = _life(item), timezone.now()
    until = now.date() + SNOOZE
    if life.state != SuggestionLife.State.SNOOZED:  # a second click does not put it off again
        try:
            life = suggestions.snooze(life=life, until=until, by=item.user, now=now)
        except suggestions.SuggestionError as error:
            raise ImpossibleAction(str(error)) from error
    return f"You hear of it again on {life.snoozed_until:%-d %B}, or earlier if it gets much worse."


def mark_done(item: Notification) -> str:
    try:
        suggestions.mark_done(life=_life(item), by=item.user, now=timezone.now())
    except suggestions.SuggestionError as error:
        raise ImpossibleAction(str(error)) from error
    return "It rests until the portfolio changes. Enter your trades, and the figures are right."


def _life(item: Notification) -> SuggestionLife:
    """The suggestion that the letter was about, unless another one has taken its place."""
    alert = AlertEvent.objects.select_related("portfolio").filter(pk=item.reference or 0).first()
    life = suggestions.current(alert.portfolio) if alert else None
    is_about_it = life and alert and (life.episode_id, life.due_on, life.letter) == (
        alert.episode_id, alert.due_on, alert.number,
    )  # fmt: skip
    if life is None or not is_about_it:
        raise ImpossibleAction("This suggestion is over: the portfolio has changed since.")
    return life


SNOOZE_ACTION = Action(
    name="snooze",
    label="Snooze for 7 days",
    meaning="No letter about it for 7 days, unless it gets a whole band worse meanwhile.",
    perform=snooze,
)
DONE_ACTION = Action(
    name="done",
    label="I have done it",
    meaning="The suggestion counts as followed. No trades are executed, and none are recorded.",
    perform=mark_done,
)
