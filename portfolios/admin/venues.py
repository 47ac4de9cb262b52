"""Curating what trading costs at exchanges."""

from django.contrib import admin

from portfolios.admin.curation import Curated
from portfolios.models import Venue
from portfolios.models.venues import DOLLARS, RATES
from portfolios.selectors import catalogue_use
from portfolios.selectors.catalogue_use import Use


@admin.register(Venue)
class VenueAdmin(Curated):
    list_display = (
        "name", "maker_fee", "taker_fee", "half_spread_core", "minimum_order", "as_of", "is_active",
    )  # fmt: skip
    search_fields = ("name", "slug")
    asks_before_changing = (*RATES, *DOLLARS)
    instead_of_removing = (
        "Switch off “active”: it is no longer offered, and those who chose it keep it."
    )

    def use_of(self, row: Venue) -> Use:
        return catalogue_use.of_venues([row.pk])
