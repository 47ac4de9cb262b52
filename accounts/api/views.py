"""What every resource is made of."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponseBase
from django.middleware.http import ConditionalGetMiddleware
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.api import throttling

Action = TypeVar("Action", bound=Callable[..., Any])


def refuses(*codes: str) -> Callable[[Action], Action]:
    """Say with which codes the services behind an operation may refuse."""

    def mark(action: Action) -> Action:
        action.refuses = codes  # type: ignore[attr-defined]
        return action

    return mark


class Resource(GenericViewSet):
    """A resource of the API."""

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Whoever comes is counted first: who guesses tokens or formats, too."""
        try:
            self.perform_authentication(request)
        finally:
            super().check_throttles(request)
        super().initial(request, *args, **kwargs)

    def check_throttles(self, request: Request) -> None:
        """Done before, since DRF's turn comes only for those who may."""

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        throttling.tell(self.request._request, response)
        return response

    def page(self, rows: Any, fields: Any, **context: Any) -> Response:
        """A page of a list, cut by the cursor."""
        found = self.paginate_queryset(rows)
        return self.get_paginated_response(fields(found, many=True, context=context).data)


class MarketResource(Resource):
    """What is the same for everybody: it may be kept, and is sent again only when it changed."""

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code == 200:
            response["Cache-Control"] = "private, no-cache"
        return response

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """304 for what the ETag that was sent is still of."""
        response = super().dispatch(request, *args, **kwargs).render()
        answer = ConditionalGetMiddleware(lambda _: response).process_response(request, response)
        throttling.tell(request, answer)
        return answer


class Unknown(APIView):
    """Whatever is below /api/v1/ and nobody knows."""

    permission_classes = (AllowAny,)
    renderer_classes = (JSONRenderer,)
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        words = "" if request.path.endswith("/") else " Addresses end with a slash."
        raise NotFound(f"There is nothing at {request.path}.{words}")
