"""What people are told beside drift: lost pegs, prices that ended, and the month in figures.

Each is one INSERT … SELECT a subject, however many people it concerns, and said once: a peg each
time it is lost, a price each time it ends, a month after its end.
"""

from collections.abc import Callable, Iterable
from datetime import date, timedelta

from django.db import connection
from django.urls import reverse

from accounts.models import Kind, NumberStyle
from analytics.models import AssetDay, NightlyRun
from analytics.selectors.findings import DEPEG, DEPEG_READINGS
from portfolios.models import Asset, DailyPrice
from portfolios.templatetags import figures

# So long no close has come; a day or two are a weekend of the source's.
STALE_AFTER = timedelta(days=3)
# How far back the beginning of a depeg is looked for.
LOOK_BACK = timedelta(days=90)

TELL_HOLDERS = """
    INSERT INTO accounts_notification
        (user_id, key, kind, subject, body, link, is_for_mail, is_for_webhooks)
    SELECT owner.id, %(key)s, %(kind)s, words.subject, words.body, %(link)s,
           owner.alert_preference <> 'none' AND NOT %(kind)s = ANY(owner.muted_kinds),
           owner.id IN (SELECT user_id FROM accounts_webhook WHERE state = 'active')
    FROM accounts_user AS owner
    JOIN unnest(%(styles)s::text[], %(subjects)s::text[], %(bodies)s::text[])
         AS words(style, subject, body) ON words.style = owner.number_style
    WHERE owner.is_active AND EXISTS (
        SELECT FROM portfolios_holding AS holding
        JOIN portfolios_portfolio AS portfolio ON portfolio.id = holding.portfolio_id
        WHERE portfolio.owner_id = owner.id AND holding.asset_id = %(asset)s
          AND holding.quantity > 0
          AND portfolio.archived_at IS NULL AND portfolio.deleted_at IS NULL)
    ON CONFLICT (user_id, key) DO NOTHING
"""
# The words are written when they are first read (analytics.emails.summary_words).
TELL_MONTH = """
    INSERT INTO accounts_notification
        (user_id, key, kind, reference, subject, body, link, is_for_mail, is_for_webhooks)
    SELECT owner.id, %(key)s, 'summary', %(run)s, '', '', '',
           owner.alert_preference <> 'none' AND NOT 'summary' = ANY(owner.muted_kinds),
           owner.id IN (SELECT user_id FROM accounts_webhook WHERE state = 'active')
    FROM accounts_user AS owner
    WHERE owner.is_active AND EXISTS (
        SELECT FROM portfolios_portfolio AS portfolio
        JOIN analytics_portfolioresult AS result
          ON result.portfolio_id = portfolio.id AND result.run_id = %(run)s
        WHERE portfolio.owner_id = owner.id AND result.value > 0
          AND portfolio.archived_at IS NULL AND portfolio.deleted_at IS NULL)
    ON CONFLICT (user_id, key) DO NOTHING
"""


def tell(*, run: NightlyRun) -> None:
    """Tell of what this night found. Belongs into the transaction that publishes. Idempotent."""
    for asset, closes in _off_their_peg(run.as_of):
        _tell_of_depeg(asset, closes)
    for day in AssetDay.objects.filter(
        as_of=run.as_of, close_on__lte=run.as_of - STALE_AFTER
    ).select_related("asset"):
        _tell_of_stale_price(day)


def tell_month(*, today: date) -> int:
    """Sum up the month before `today` for everybody, from its last night; how many were told.

    Nothing while that night is not there yet. Idempotent: a month is summed up once.
    """
    last_day = today.replace(day=1) - timedelta(days=1)
    run = NightlyRun.objects.filter(as_of=last_day, state=NightlyRun.State.PUBLISHED).first()
    if run is None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(TELL_MONTH, {"key": f"summary:{last_day:%Y-%m}", "run": run.pk})
        return int(cursor.rowcount)


def _off_their_peg(as_of: date) -> Iterable[tuple[Asset, list[DailyPrice]]]:
    """Stablecoins, each with its closes off its peg up to this day, the last first."""
    stablecoins = {
        asset.pk: asset
        for asset in Asset.objects.filter(kind=Asset.Kind.STABLECOIN, coingecko_id__isnull=False)
    }
    off: dict[int, list[DailyPrice]] = {}
    back: set[int] = set()
    for price in DailyPrice.objects.filter(
        asset__in=stablecoins, date__range=(as_of - LOOK_BACK, as_of)
    ).order_by("-date"):
        if price.asset_id in back:
            continue
        if abs(price.close - 1) > DEPEG:
            off.setdefault(price.asset_id, []).append(price)
        else:
            back.add(price.asset_id)
    for key, closes in off.items():
        if len(closes) >= DEPEG_READINGS and closes[0].date == as_of:
            yield stablecoins[key], closes


def _tell_of_depeg(asset: Asset, closes: list[DailyPrice]) -> None:
    newest, first = closes[0], closes[-1]

    def words() -> tuple[str, str]:
        distance = f"{figures.percent(abs(newest.close - 1))} %"
        side = "below" if newest.close < 1 else "above"
        return (
            f"{asset.symbol} is at {figures.price(newest.close)} USD: {distance} {side} its peg",
            f"You hold {asset.name}, which should be worth one dollar. Its closes have been more "
            f"than {figures.percent(DEPEG)} % away from it since {first.date:%-d %B %Y}; "
            f"the last, of {newest.date:%-d %B %Y} (UTC), was {figures.price(newest.close)} USD. "
            "What it is worth in your portfolios follows these closes.",
        )

    _tell_holders(asset, kind=Kind.DEPEG, key=f"depeg:{asset.pk}:{first.date}", words=words)


def _tell_of_stale_price(day: AssetDay) -> None:
    asset = day.asset

    def words() -> tuple[str, str]:
        return (
            f"The price of {asset.symbol} is {(day.as_of - day.close_on).days} days old",
            f"You hold {asset.name}, and no close has come since {day.close_on:%-d %B %Y} (UTC): "
            f"{figures.price(day.close)} USD. Until one comes your portfolios are calculated with "
            "that price, and say that it is stale.",
        )

    _tell_holders(asset, kind=Kind.STALE_PRICE, key=f"stale:{asset.pk}:{day.close_on}", words=words)


def _tell_holders(
    asset: Asset, *, kind: Kind, key: str, words: Callable[[], tuple[str, str]]
) -> None:
    """Tell everybody who holds an asset, in the style of numbers that each has chosen."""
    said = []
    for style in NumberStyle.values:
        with figures.written_in(style):
            said.append(words())
    link = reverse("analytics:asset", args=[asset.coingecko_id])
    with connection.cursor() as cursor:
        cursor.execute(
            TELL_HOLDERS,
            {
                "asset": asset.pk, "kind": str(kind), "key": key, "link": link,
                "styles": list(NumberStyle.values),
                "subjects": [subject for subject, _ in said],
                "bodies": [body for _, body in said],
            },
        )  # fmt: skip
