"""The OpenAPI document, and a page to read it, from our own files."""

from __future__ import annotations

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.negotiation import DefaultContentNegotiation


class SchemaView(SpectacularAPIView):
    """The document, as YAML or, where JSON is asked for, as JSON."""

    content_negotiation_class = DefaultContentNegotiation


# Swagger UI styles its elements one by one. Its scripts are files, so they need nothing.
@method_decorator(csp_update({"style-src": ["'unsafe-inline'"]}), name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI."""

    content_negotiation_class = DefaultContentNegotiation
