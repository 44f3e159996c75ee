"""`/metrics` for Prometheus: counts of the web server's processes, and the state of the service.

It tells how busy the service is and with what, so it is not for everybody: networks that the
operator names may ask, and superusers. For all others there is nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from api.fields import ProblemSerializer
from api.request_metrics import collect_requests
from api.service_metrics import collect_service
from people_app.client_address import client_address, parse_address

# A proxy sets at least one of these. Behind one that is not trusted, strangers seem to come from
# the proxy's own address, which may well be this machine's.
_SET_BY_PROXIES = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_REAL_IP",
    "HTTP_FORWARDED",
    "HTTP_VIA",
)


class MetricsView(APIView):
    """What Prometheus scrapes."""

    permission_classes = [AllowAny]  # `initial` decides, for all methods alike

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Answer 404 to those who may not know."""
        super().initial(request, *args, **kwargs)
        if not (_comes_from_allowed_network(request) or request.user.is_superuser):
            raise Http404

    @extend_schema(
        operation_id="metrics",
        responses={(200, "text/plain"): OpenApiTypes.STR, 404: ProblemSerializer},
    )
    def get(self, request: Request) -> HttpResponse:
        """Write all of it in the text format, or as OpenMetrics for who prefers that."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        registry = CollectorRegistry()
        registry.register(_Everything())
        return HttpResponse(
            encode(registry), content_type=content_type, headers={"Cache-Control": "no-store"}
        )


class _Everything(Collector):
    def collect(self) -> Iterable[Metric]:
        return chain(collect_requests(), collect_service())

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the registry would collect it all once more to learn the names."""
        return []


def _comes_from_allowed_network(request: HttpRequest | Request) -> bool:
    """Say whether the client's address, as far as it is known, is one of TESSERA_METRICS_ALLOW."""
    meta = request.META
    address = parse_address(client_address(meta))
    if address is None:
        return False
    is_proxied = any(name in meta for name in _SET_BY_PROXIES)
    if is_proxied and address == parse_address(meta.get("REMOTE_ADDR", "")):
        return False
    return any(address in network for network in settings.TESSERA_METRICS_ALLOW)
