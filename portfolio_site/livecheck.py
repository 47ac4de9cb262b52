"""The image's health check: exits with 0 if this container's web server answers /livez.

Run by path, not as a module: it needs nothing of the site, every few seconds.
"""

import os
import urllib.request

host = os.environ["ALLOWED_HOSTS"].split(",")[0].strip().lstrip(".*") or "localhost"
request = urllib.request.Request(
    f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/livez", headers={"Host": host}
)
urllib.request.urlopen(request, timeout=3)
