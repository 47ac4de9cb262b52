"""List how far each of your portfolios has drifted: python drift.py https://evenkeel.example.org

The token comes from EVENKEEL_TOKEN; one that may only read is enough. Needs nothing but Python.
"""

import json
import os
import sys
from urllib.request import Request, urlopen


def rows(address: str, token: str):
    """Every portfolio, page after page."""
    while address:
        request = Request(address, headers={"Authorization": f"Token {token}"})
        with urlopen(request, timeout=10) as answer:
            page = json.load(answer)
        yield from page["results"]
        address = page["next"]


for row in rows(f"{sys.argv[1]}/api/v1/drift/", os.environ["EVENKEEL_TOKEN"]):
    if row["status"] == "in_breach":
        drift, band = row["worst_drift"], row["band"]
        print(f"{row['name']}: {drift:.1%} from its target, where {band:.1%} is allowed")
    else:
        print(f"{row['name']}: {row['status'] or 'being calculated'}")
