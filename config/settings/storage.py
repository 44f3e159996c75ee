"""Turn TESSERA_STORAGE_URL into an entry of Django's STORAGES."""

from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured


def blob_storage(url: str, env: environ.Env) -> dict[str, Any]:
    """Return the STORAGES entry for `file:///folder` or `s3://bucket/prefix`.

    Credentials and region are read from AWS_* by boto3 itself; an endpoint other
    than Amazon's is named by AWS_ENDPOINT_URL.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": unquote(parts.path), "base_url": None},
        }
    if parts.scheme == "s3":
        return {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": parts.netloc,
                "location": parts.path.strip("/"),
                "endpoint_url": env.str("AWS_ENDPOINT_URL", default=None),
                "file_overwrite": True,
                "default_acl": None,
                "querystring_auth": True,
                "querystring_expire": 15 * 60,
            },
        }
    raise ImproperlyConfigured(f"TESSERA_STORAGE_URL: expected file:// or s3://, got {url!r}")
