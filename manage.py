#!/usr/bin/env python
"""Django's commands; on a developer's machine with PostgreSQL and Valkey from their wheels."""

import os
import sys

from django.core.management import execute_from_command_line

from portfolio_site import embedded

NEED_NO_SERVER = {"help", "--help", "-h", "version", "--version"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portfolio_site.settings")
    if NEED_NO_SERVER.intersection(sys.argv[1:2] or ["help"]):
        execute_from_command_line(sys.argv)
        return
    try:
        with embedded.servers():
            execute_from_command_line(sys.argv)
    except embedded.ServerError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
