"""Webhooks: made with a secret that is shown once, tried, paused, switched off, deleted."""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import SplitResult, quote, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import transaction

from accounts.models import Kind, User, Webhook, WebhookDelivery
from accounts.services import encryption, notifications, public_addresses, webhook_requests

MOST_WEBHOOKS = 5  # of one person
LONGEST_ADDRESS = 500
WRITTEN = "/%:@!$&'()*+,;=~-._?"  # as they are; all else is percent-encoded
State = Webhook.State
Delivery = WebhookDelivery.State


class WebhookRefused(Exception):
    """It cannot be done; the message says why."""


class TooManyWebhooks(WebhookRefused):
    """Somebody has as many webhooks as one may have."""


class UnusableAddress(WebhookRefused):
    """Nothing is ever sent to such an address."""


def create(*, user: User, url: str, kinds: Iterable[str]) -> tuple[Webhook, str]:
    """Make a webhook, and return it with its secret, which nobody is shown again.

    Raises UnusableAddress, TooManyWebhooks, and ValueError for a kind that is none.
    """
    address = usable(url)
    secret = webhook_requests.new_secret()
    with transaction.atomic():
        locked = User.objects.select_for_update().get(pk=user.pk)
        if locked.is_guest:
            raise WebhookRefused("Sign up first: a guest has no webhooks.")
        if locked.webhooks.count() >= MOST_WEBHOOKS:
            raise TooManyWebhooks(
                f"You have {MOST_WEBHOOKS} webhooks, as many as one may have. Delete one first."
            )
        webhook = Webhook.objects.create(
            user=locked, url=address, kinds=_known(kinds), secret=encryption.encrypt(secret)
        )
    return webhook, secret


def usable(url: str) -> str:
    """The address as it is kept, its name in ASCII. Raises UnusableAddress."""
    url = url.strip()
    try:
        URLValidator(schemes=["https"])(url)
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode().lower()
        port = parts.port or 443
    except (ValidationError, ValueError) as error:
        raise UnusableAddress(
            "Type the whole address, beginning with https://, such as https://example.org/evenkeel."
        ) from error
    _check(parts, port)
    if _is_private(host):
        raise UnusableAddress(f"{host} is not on the public internet.")
    shown = f"[{host}]" if ":" in host else host
    place = shown if port == 443 else f"{shown}:{port}"
    written = {part: quote(getattr(parts, part), safe=WRITTEN) for part in ("path", "query")}
    whole = parts._replace(netloc=place, fragment="", **written).geturl()
    if len(whole) > LONGEST_ADDRESS:
        raise UnusableAddress(f"The address is longer than {LONGEST_ADDRESS} characters.")
    return whole


def change(*, webhook: Webhook, kinds: Iterable[str]) -> None:
    """Have it told of these kinds from now on. Idempotent. Raises ValueError for none of ours."""
    Webhook.objects.filter(pk=webhook.pk).update(kinds=_known(kinds))


def pause(*, webhook: Webhook) -> None:
    """Tell it nothing for a while; what waits goes on waiting. Idempotent."""
    Webhook.objects.filter(pk=webhook.pk, state=State.ACTIVE).update(state=State.PAUSED)


def resume(*, webhook: Webhook) -> None:
    """Tell it again, whoever switched it off, with a clean slate. Idempotent."""
    Webhook.objects.filter(pk=webhook.pk).exclude(state=State.ACTIVE).update(
        state=State.ACTIVE, failures=0, failing_since=None
    )


def delete(*, webhook: Webhook) -> None:
    """Idempotent; what waits to be told is not any more."""
    Webhook.objects.filter(pk=webhook.pk).delete()


@transaction.atomic
def test(*, webhook: Webhook) -> WebhookDelivery:
    """Have it told that this is a test, once. Raises WebhookRefused."""
    locked = Webhook.objects.select_for_update().get(pk=webhook.pk)
    if not locked.is_active:
        raise WebhookRefused("Resume it first: nothing is sent to a webhook that is off.")
    waiting = locked.deliveries.filter(state__in=[Delivery.PENDING, Delivery.SENDING])
    if waiting.filter(notification=None).exists():
        raise WebhookRefused("A test is on its way already.")
    return WebhookDelivery.objects.create(webhook=locked)


def switch_off(*, webhook: Webhook, state: "Webhook.State", why: str) -> None:
    """End all that waits for it, and tell its owner. Once, however often called."""
    with transaction.atomic():
        if not Webhook.objects.filter(pk=webhook.pk, state=State.ACTIVE).update(state=state):
            return
        webhook.deliveries.filter(state=Delivery.PENDING).update(
            state=Delivery.FAILED, lease_until=None, last_error="The webhook was switched off."
        )
        last = webhook.deliveries.order_by("-pk").values_list("pk", flat=True).first()
        host = urlsplit(webhook.url).hostname
        notifications.notify(
            user=webhook.user,
            kind=Kind.GENERAL,
            key=f"webhook-off:{webhook.pk}:{last}",
            subject=f"Your webhook to {host} is switched off",
            body=f"{why} Nothing is sent to it until you resume it.",
            link=f"/account/webhooks/{webhook.pk}/",
        )


def rotate_secrets() -> int:
    """Encrypt every secret anew with the newest key; how many. Idempotent.

    Raises `encryption.Unreadable` for a secret whose key is missing.
    """
    rotated = 0
    for pk in Webhook.objects.values_list("pk", flat=True):
        with transaction.atomic():
            if row := Webhook.objects.select_for_update().filter(pk=pk).first():
                row.secret = encryption.renew(row.secret)
                row.save(update_fields=["secret"])
                rotated += 1
    return rotated


def _check(parts: SplitResult, port: int) -> None:
    if parts.username is not None or parts.password is not None:
        raise UnusableAddress("Leave out name and password: deliveries are signed instead.")
    if port not in settings.WEBHOOK_PORTS:
        allowed = " or ".join(str(each) for each in settings.WEBHOOK_PORTS)
        raise UnusableAddress(f"Port {port} is not used for webhooks; only {allowed} is.")


def _is_private(host: str) -> bool:
    """Of an address that is written in numbers; a name is looked up when something is sent."""
    try:
        return not public_addresses.is_reachable(ip_address(host))
    except ValueError:
        return False


def _known(kinds: Iterable[str]) -> list[str]:
    wanted = {Kind(kind) for kind in kinds}
    if not wanted:
        raise WebhookRefused("Choose at least one kind of news.")
    return sorted(str(kind.value) for kind in wanted)
