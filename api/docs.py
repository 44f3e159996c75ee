"""The OpenAPI document, and a page to read it, from our own files."""

from __future__ import annotations

from functools import cache
from typing import Any

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.negotiation import DefaultContentNegotiation


class OneDocument(SchemaGenerator):
    """Makes the document once: it takes half a second of a processor, and anybody may ask."""

    def get_schema(self, request: Any = None, public: bool = False) -> dict[str, Any]:
        """Return the document, which is the same for everybody."""
        return _document()


@cache
def _document() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


class SchemaView(SpectacularAPIView):
    """The document, as YAML or, where JSON is asked for, as JSON."""

    generator_class = OneDocument
    content_negotiation_class = DefaultContentNegotiation


# Swagger UI styles its elements one by one. Its scripts are files, so they need nothing.
@method_decorator(csp_update({"style-src": ["'unsafe-inline'"]}), name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI."""

    content_negotiation_class = DefaultContentNegotiation
