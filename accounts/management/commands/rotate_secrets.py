from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services import authenticators, encryption, webhooks


class Command(BaseCommand):
    help = "Encrypt all stored secrets anew with the first key of FIELD_ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rotated = authenticators.rotate_secrets() + webhooks.rotate_secrets()
        except encryption.Unreadable as error:
            raise CommandError(
                f"{error} Add the missing key at the end, and run this again."
            ) from error
        self.stdout.write(f"{rotated} encrypted with the newest key.")
