"""What the frame of every page needs."""

from __future__ import annotations

from django import template

from people_app.request_context import current_request

register = template.Library()


@register.simple_tag
def request_id() -> str:
    """The id under which the log tells of this request; "" outside of one."""
    return current_request().request_id
