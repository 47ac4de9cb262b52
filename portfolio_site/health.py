"""Is this process alive (`/livez`), and can it serve (`/readyz`)?"""

from celery import current_app
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@require_safe
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """Touches nothing: answers as long as the process does."""
    return HttpResponse("ok", content_type="text/plain")


def _database() -> str:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(pending)} migrations to run" if pending else "ok"


def _broker() -> str:
    with current_app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, timeout=2)
    return "ok"


@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """The database with its migrations, and the broker."""
    checks: dict[str, str] = {}
    for name, check in (("database", _database), ("broker", _broker)):
        try:
            checks[name] = check()
        except Exception as error:  # whatever is wrong, the answer is "not ready", and why
            checks[name] = type(error).__name__
    healthy = all(state == "ok" for state in checks.values())
    return JsonResponse(checks, status=200 if healthy else 503)
