"""People with tokens, and requests as their programs make them."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.services import tokens

V1 = "/api/v1"


def token_of(user: User, scope: str = "write") -> str:
    _, text = tokens.create(
        user=user, name="test", scope=scope, lifetime=timedelta(days=1), now=timezone.now()
    )
    return text


class Program(Client):
    """A client that sends JSON, and the token of a person."""

    def __init__(self, token: str | None = None) -> None:
        super().__init__(headers={"Authorization": f"Token {token}"} if token else {})

    def send(
        self, method: str, path: str, body: Any = None, query: Any = None, **options: Any
    ) -> Any:
        arguments = {"content_type": "application/json"} if body is not None else {}
        text = "" if body is None else json.dumps(body)
        options |= {"query_params": query} if query else {}
        return self.generic(method, V1 + path, text, **arguments, **options)


@pytest.fixture
def program() -> Callable[..., Program]:
    """program(user): what works with a token of theirs that may write; or scope="read"."""

    def make(user: User | None = None, scope: str = "write") -> Program:
        return Program(token_of(user, scope) if user else None)

    return make


@pytest.fixture(autouse=True)
def unhurried(settings: Any) -> None:
    """Nobody is told to wait, but where a test says so; and counts are of one test."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()
    settings.API_REQUESTS_PER_MINUTE = 1_000_000
