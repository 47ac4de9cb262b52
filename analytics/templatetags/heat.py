"""The cells of a heatmap: hundreds of them, written in one go."""

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from analytics.selectors.heatmaps import Cell, HeatRow

register = template.Library()


@register.simple_tag
def heat_cells(row: HeatRow) -> SafeString:
    return format_html_join("", '<td class="{}">{}</td>', ((c.css, _inside(c)) for c in row.cells))


def _inside(cell: Cell) -> SafeString:
    if not cell.address:
        return format_html("<span>{}</span>", cell.text)
    return format_html('<a href="{}" title="{}">{}</a>', cell.address, cell.title, cell.text)
