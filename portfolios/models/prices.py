"""Measured prices, and the rows that were refused."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from portfolios.models.assets import Asset, TokenMigration


class DailyPrice(models.Model):
    """One UTC day of one asset, in US dollars; volume in units of the asset.

    NULL is unknown: some sources know only the close.
    """

    pk = models.CompositePrimaryKey("asset_id", "date")
    # Without a constraint in the database: see portfolios.services.price_staging.
    asset = models.ForeignKey(
        Asset,
        on_delete=models.CASCADE,
        related_name="daily_prices",
        db_index=False,
        db_constraint=False,
    )
    date = models.DateField()
    open = models.FloatField(null=True)
    high = models.FloatField(null=True)
    low = models.FloatField(null=True)
    close = models.FloatField()
    volume = models.FloatField(null=True)
    market_cap = models.FloatField(null=True)
    # Set on days that continue the history of the token which this one replaced; measured days
    # have none. Without a constraint and an index, like the asset.
    migration = models.ForeignKey(
        TokenMigration,
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(low__gt=0, high__gte=F("low"), close__gt=0), name="daily_price_positive"
            ),
        )

    def __str__(self) -> str:
        return f"{self.asset_id} {self.date}: {self.close}"


class OwnPrice(models.Model):
    """What its owner says that an own asset was worth at the close of a UTC day, in US dollars.

    It holds until the next one. Apart from DailyPrice: these come from no source.
    """

    pk = models.CompositePrimaryKey("asset_id", "date")
    asset = models.ForeignKey(
        Asset, on_delete=models.CASCADE, related_name="own_prices", db_index=False
    )
    date = models.DateField()
    price = models.FloatField()

    class Meta:
        ordering = ("asset_id", "-date")
        constraints = (
            models.CheckConstraint(
                condition=Q(price__gt=0, price__lt=float("inf")), name="own_price_positive"
            ),
        )

    def __str__(self) -> str:
        return f"{self.asset_id} {self.date}: {self.price}"


class ReferenceRate(models.Model):
    """What one unit of a currency was worth on a UTC day, in US dollars.

    Exact, unlike prices: what something cost follows from it. It holds over the weekend.
    """

    pk = models.CompositePrimaryKey("asset_id", "date")
    asset = models.ForeignKey(
        Asset, on_delete=models.CASCADE, related_name="reference_rates", db_index=False
    )
    date = models.DateField()
    rate = models.DecimalField(max_digits=22, decimal_places=12)

    class Meta:
        ordering = ("asset_id", "-date")
        constraints = (
            models.CheckConstraint(condition=Q(rate__gt=0), name="reference_rate_positive"),
        )

    def __str__(self) -> str:
        return f"{self.asset_id} {self.date}: {self.rate}"


class PriceSource(models.Model):
    """Where all prices of this database come from, in its only row: the two never mix."""

    class Name(models.TextChoices):
        SIMULATED = "simulated", "a simulated market"
        FILES = "files", "daily files"

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    name = models.CharField(max_length=10, choices=Name)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(id=1), name="price_source_only_row"),
            models.CheckConstraint(
                condition=Q(name__in=["simulated", "files"]), name="price_source_known"
            ),
        )

    def __str__(self) -> str:
        return self.name


class MarketSignal(models.Model):
    """One figure of one UTC day that says how a market is doing; fractions wherever it can be.

    Of the market of one asset, or of all crypto markets (no asset). A jump that nothing had
    confirmed on its day stays marked: whoever tells the past must not know better.
    """

    class Name(models.TextChoices):
        BTC_DOMINANCE = "btc_dominance", "Bitcoin's share of all market capitalisation"
        TOTAL_MARKET_CAP = "total_market_cap", "all market capitalisation, US dollars"
        ALTCOIN_MARKET_CAP = "altcoin_market_cap", "the same without Bitcoin and Ethereum"
        FUNDING_RATE = "funding_rate", "mean funding rate of eight hours"
        IMPLIED_VOLATILITY = "implied_volatility", "implied volatility of 30 days, a year"
        ACTIVE_ADDRESSES = "active_addresses", "active addresses"
        TRANSACTIONS = "transactions", "transactions"
        HASH_RATE = "hash_rate", "hash rate, TH/s"
        MVRV = "mvrv", "market value over realised value"
        EXCHANGE_INFLOW = "exchange_inflow", "flow into exchanges, coins"
        EXCHANGE_OUTFLOW = "exchange_outflow", "flow out of exchanges, coins"
        FEAR_GREED = "fear_greed", "fear and greed index, 0 to 100"

    name = models.CharField(max_length=20, choices=Name)
    asset = models.ForeignKey(
        Asset, null=True, on_delete=models.CASCADE, related_name="signals", db_index=False
    )
    date = models.DateField()
    value = models.FloatField()
    is_unconfirmed = models.BooleanField("unconfirmed", default=False)
    source = models.CharField(max_length=40, help_text="The file or provider.")

    class Meta:
        ordering = ("-date", "name")
        constraints = (
            models.UniqueConstraint(
                fields=["name", "asset", "date"], nulls_distinct=False, name="market_signal_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.date}: {self.value}"


class QuarantinedRow(models.Model):
    """A row that was refused, with the reason."""

    source = models.CharField(max_length=120, help_text="The file or provider.")
    line = models.PositiveIntegerField()
    reason = models.CharField(max_length=200)
    row = models.CharField(max_length=500)
    first_seen = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True
        ordering = ("-first_seen", "source", "line")

    def __str__(self) -> str:
        return f"{self.source}, line {self.line}: {self.reason}"


class QuarantinedPrice(QuarantinedRow):
    class Meta(QuarantinedRow.Meta):
        constraints = (
            models.UniqueConstraint(
                fields=["source", "line", "reason", "row"], name="quarantined_price_once"
            ),
        )


class QuarantinedSignal(QuarantinedRow):
    class Meta(QuarantinedRow.Meta):
        constraints = (
            models.UniqueConstraint(
                fields=["source", "line", "reason", "row"], name="quarantined_signal_once"
            ),
        )
