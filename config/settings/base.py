"""Settings of the service: the only place that reads environment variables.

Every variable has a default that serves one machine; `docs/guides/operators.md`
lists them.
"""

import socket
from pathlib import Path

import environ

from config.logging import log_settings
from config.settings.cache import cache_settings
from config.settings.networks import networks
from config.settings.oidc import oidc_settings
from config.settings.storage import blob_storage

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DATA_DIR = Path(env.str("TESSERA_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = env.bool("TESSERA_DEBUG", default=False)
ALLOWED_HOSTS = env.list("TESSERA_ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
SECRET_KEY = env.str("TESSERA_SECRET_KEY", default="")
# Keys that were replaced: what they signed is still good.
SECRET_KEY_FALLBACKS = env.list("TESSERA_SECRET_KEY_FALLBACKS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "rules",
    "csp",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
    "store_app",
    "people_app",
    "labels_app",
    "datasets_app",
    "api",
    "web",
]

MIDDLEWARE = [
    "people_app.middleware.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.browser_policy.PermissionsPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
AUTH_USER_MODEL = "people_app.User"
AUTHENTICATION_BACKENDS = [
    "rules.permissions.ObjectPermissionBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "web:sign-in"
LOGIN_REDIRECT_URL = "web:datasets"
LOGOUT_REDIRECT_URL = "web:sign-in"
# Signing in with an organisation's provider (people_app/oidc/); None: nobody does.
TESSERA_OIDC = oidc_settings(env)

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    # An empty value, as files of environments write it for "not set", is none.
    "default": env.db_url_config(
        env.str("DATABASE_URL", default="").strip() or f"sqlite:///{DATA_DIR / 'tessera.sqlite3'}"
    )
}
DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE: with deferred transactions two writers fail at the upgrade of their
    # locks instead of waiting. FULL: an acknowledged commit survives a power cut.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "files"},
    },
    # The bytes of store_app: packs, photographs, exports.
    "blobs": blob_storage(
        env.str("TESSERA_STORAGE_URL", default=(DATA_DIR / "blobs").as_uri()), env
    ),
    "staticfiles": {"BACKEND": "config.static_files.StaticFiles"},
}
# Pulls read S3 past the service, by signed addresses; off where clients do not reach the bucket.
TESSERA_SIGNED_URLS = env.bool("TESSERA_SIGNED_URLS", default=True)
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}
# How jobs spread over processors (datasets_app/jobs/executor.py).
TESSERA_WORKERS = env.int("TESSERA_WORKERS", default=0)  # 0: one per processor
DASK_SCHEDULER_ADDRESS = env.str("DASK_SCHEDULER_ADDRESS", default="")
# A worker that is silent for so long is held for dead (datasets_app/jobs/timing.py).
TESSERA_JOB_LEASE_SECONDS = env.float("TESSERA_JOB_LEASE_SECONDS", default=30)
TESSERA_JOBS_KEPT_DAYS = env.int("TESSERA_JOBS_KEPT_DAYS", default=90)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "people_app.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["api.throttling.CallerThrottle"],
    "DEFAULT_PARSER_CLASSES": ["api.parsers.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.negotiation.PathNegotiation",
    # `format` is a parameter of exports; what a path answers is said by the path.
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "api.errors.problem_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# Where requests are counted; "": each process for itself.
CACHES = cache_settings(env.str("TESSERA_CACHE_URL", default=""))
# Requests to the API, and wrong tokens from one address; "" is no limit.
TESSERA_RATE_LIMITS = {
    "token": env.str("TESSERA_RATE_TOKEN", default="6000/min"),
    "user": env.str("TESSERA_RATE_USER", default="6000/min"),
    "anonymous": env.str("TESSERA_RATE_ANONYMOUS", default="3000/min"),
    "wrong_token": env.str("TESSERA_RATE_WRONG_TOKEN", default="30/min"),
}
# The model is swapped: knox's own table would only stand in the way of TRUNCATE.
MIGRATION_MODULES = {"knox": None}
KNOX_TOKEN_MODEL = "people_app.Token"
REST_KNOX = {"TOKEN_MODEL": KNOX_TOKEN_MODEL, "AUTH_HEADER_PREFIX": "Token", "TOKEN_TTL": None}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tessera",
    "DESCRIPTION": "Git for panoptic labels: datasets, versions, views, diffs and statistics.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    # Its own hook is left out, so that enumerations stay where they are used: their names
    # would be made of hashes.
    "POSTPROCESSING_HOOKS": ["api.openapi.describe_every_operation"],
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_ENGINE = "people_app.sessions"
SESSION_COOKIE_HTTPONLY = True
# A proxy that ends TLS must set X-Forwarded-Proto itself and drop what clients send.
if env.bool("TESSERA_BEHIND_HTTPS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    # Those who ask for health inside the house come past the proxy, without TLS.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
    SECURE_HSTS_SECONDS = env.int("TESSERA_HSTS_SECONDS", default=31_536_000)  # 0: not sent
    # Subdomains and browsers' preload lists bind hosts that are not this service's.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = env.list("TESSERA_CSRF_TRUSTED_ORIGINS", default=[])
# Whose X-Forwarded-For is believed (people_app/client_address.py).
TESSERA_TRUSTED_PROXIES = env.list("TESSERA_TRUSTED_PROXIES", default=[])
# Where webhooks may go beside public addresses at these ports (datasets_app/webhooks/).
TESSERA_WEBHOOK_ALLOW = env.list("TESSERA_WEBHOOK_ALLOW", default=[])
TESSERA_WEBHOOK_PORTS = env.list("TESSERA_WEBHOOK_PORTS", cast=int, default=[80, 443])
# Certificates of authorities that their receivers may have beside the well-known ones.
TESSERA_WEBHOOK_CA_FILE = env.str("TESSERA_WEBHOOK_CA_FILE", default="")
# The largest file that is taken: piece by piece, and in one form.
TESSERA_UPLOAD_LIMIT_BYTES = env.int("TESSERA_UPLOAD_LIMIT_BYTES", default=100 * 2**30)
TESSERA_FORM_LIMIT_BYTES = env.int("TESSERA_FORM_LIMIT_BYTES", default=4 * 2**30)
# How many uploads one person may have begun and not completed.
TESSERA_OPEN_UPLOADS = env.int("TESSERA_OPEN_UPLOADS", default=20)

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 2**20

# Who may ask /metrics beside superusers, and where the web server's processes count.
TESSERA_METRICS_ALLOW = networks(env.list("TESSERA_METRICS_ALLOW", default=["127.0.0.0/8", "::1"]))
TESSERA_METRICS_DIR = Path(
    env.str("TESSERA_METRICS_DIR", default=str(DATA_DIR / "metrics" / socket.gethostname()))
)
# The access log (`tessera.access`) is written at INFO.
LOGGING = log_settings(
    env.str("TESSERA_LOG_FORMAT", default="line"), env.str("TESSERA_LOG_LEVEL", default="WARNING")
)
