"""Every setting of the project. docs/reference/settings.md describes them; a check compares the two."""

import json
import os
import re
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from kernel import logs
from kernel.db.pool import reset_pooled_connection

BASE_DIR = Path(__file__).resolve().parents[3]
ATENDE_DATA_DIR = Path(os.environ.get("ATENDE_DATA_DIR") or BASE_DIR / ".atende").absolute()

env = environ.Env()
_embedded = ATENDE_DATA_DIR / "env"
if "DATABASE_URL" not in os.environ and _embedded.is_file():
    env.read_env(str(_embedded), overwrite=False)

ATENDE_ENV = env.str("ATENDE_ENV", "production")
ATENDE_DEMO = env.bool("ATENDE_DEMO", False)
if ATENDE_ENV not in {"production", "development", "test"}:
    raise ImproperlyConfigured("ATENDE_ENV is production, development or test")
if ATENDE_DEMO and ATENDE_ENV == "production":
    raise ImproperlyConfigured("ATENDE_DEMO=1 opens well-known log-ins and is refused when ATENDE_ENV=production")
IS_PRODUCTION = ATENDE_ENV == "production"

SECRET_KEY = env.str("ATENDE_SECRET_KEY", "")
if len(SECRET_KEY) < 32:
    if IS_PRODUCTION and "ATENDE_BUILD" not in os.environ:
        raise ImproperlyConfigured("ATENDE_SECRET_KEY needs at least 32 random characters")
    SECRET_KEY = SECRET_KEY.ljust(48, "d")
DEBUG = False
ATENDE_BASE_HOST = env.str("ATENDE_BASE_HOST", "localhost")
ATENDE_PORT = env.int("ATENDE_PORT", 8000)
ATENDE_PUBLIC_SCHEME = env.str("ATENDE_PUBLIC_SCHEME", "https" if IS_PRODUCTION else "http")
ATENDE_PUBLIC_PORT = env.str("ATENDE_PUBLIC_PORT", "" if IS_PRODUCTION else str(ATENDE_PORT))
ATENDE_TRUST_PROXY = env.bool("ATENDE_TRUST_PROXY", True)
ATENDE_METRICS_PORT = env.int("ATENDE_METRICS_PORT", 0)
ATENDE_LOG_LEVEL = env.str("ATENDE_LOG_LEVEL", "INFO")
ATENDE_LOG_JSON = env.bool("ATENDE_LOG_JSON", IS_PRODUCTION)
ATENDE_AUDIT_ANCHORS = env.str("ATENDE_AUDIT_ANCHORS", "")
ATENDE_FETCH_ALLOW = env.list("ATENDE_FETCH_ALLOW", default=[])
ATENDE_DNS_SERVER = env.str("ATENDE_DNS_SERVER", "")
ALLOWED_HOSTS = ["*"]  # the scope middleware knows the hosts; an unknown one gets 404 before anything else runs

# --- apps --------------------------------------------------------------------------------------------------------------
_IN_EVERY_SCHEMA = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "guardian",
    "knox",
    "allauth.account",  # only because allauth.mfa imports it; its tables stay empty
    "allauth.mfa",
    "shared_apps.accounts",
    "shared_apps.events",
    "shared_apps.audit",
]
SHARED_APPS = [
    "config",  # before the libraries, so that our commands of the same name win
    "kernel",
    "shared_apps.tenants",
    "django_tenants",
    *_IN_EVERY_SCHEMA,
    "shared_apps.console",
    "ui",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "django_htmx",
    "django_cotton",
]
TENANT_APPS = [
    *_IN_EVERY_SCHEMA,
    "tenant_apps.access",
    "tenant_apps.sso",
    "tenant_apps.organization",
    "tenant_apps.contacts",
    "tenant_apps.connectors",
    "tenant_apps.messaging",
    "tenant_apps.tickets",
    "tenant_apps.intake",
    "tenant_apps.realtime",
    "tenant_apps.workspace",
]
INSTALLED_APPS = [*SHARED_APPS, *(app for app in TENANT_APPS if app not in SHARED_APPS)]
TENANT_MODEL = "tenants.Tenant"
TENANT_DOMAIN_MODEL = "tenants.Domain"
AUTH_USER_MODEL = "accounts.User"
KNOX_TOKEN_MODEL = "accounts.ApiKey"  # noqa: S105 (a model, not a token)
ANONYMOUS_USER_NAME = None
GUARDIAN_MONKEY_PATCH_USER = False
SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # e-mail is unique without regard to case, by a constraint Django does not see
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- database ----------------------------------------------------------------------------------------------------------
DATABASE_URL = env.str("DATABASE_URL", "")
DATABASE_OWNER_URL = env.str("DATABASE_OWNER_URL", "")
ATENDE_DB_CONNECTION_MEMORY_MB = env.int("ATENDE_DB_CONNECTION_MEMORY_MB", 130)
ATENDE_DB_SCHEMAS_PER_CONNECTION = env.int("ATENDE_DB_SCHEMAS_PER_CONNECTION", 200)


def _session_options() -> str:
    """What each runtime session starts with. The zone stands here so that Django needs no set_config, which tenants' roles may not call."""
    statement_seconds = env.int("ATENDE_DB_STATEMENT_SECONDS", 60)
    return f"-c timezone=UTC -c statement_timeout={statement_seconds}s -c idle_in_transaction_session_timeout=30s"


def database_settings(url: str, *, is_owner: bool) -> dict[str, Any]:  # Any: Django's settings dict
    """How one of our logins connects: the runtime login from a pool, the owner plainly."""
    database: dict[str, Any] = env.db_url_config(url or "postgres://unset@127.0.0.1:1/unset")
    database["ENGINE"] = "kernel.db"
    database["IS_OWNER"] = is_owner
    database["DISABLE_SERVER_SIDE_CURSORS"] = True
    if is_owner:
        return database
    database["OPTIONS"] = {
        "pool": {
            "min_size": 0,
            "max_size": env.int("ATENDE_DB_POOL_SIZE", 10),
            "max_lifetime": 600,
            "max_idle": 60,
            "timeout": 10,
            "reset": reset_pooled_connection,
        },
        "prepare_threshold": None,
        "options": _session_options(),
    }
    return database


def _clusters(text: str) -> dict[str, dict[str, str]]:
    """`{"name": {"url": ..., "owner_url": ...}}`; the names are stored with tenants, so they never change."""
    try:
        found = json.loads(text or "{}")
        valid = all(re.fullmatch(r"[a-z][a-z0-9-]{0,38}", name) and name != "default" and one["url"] for name, one in found.items())
    except (ValueError, TypeError, KeyError, AttributeError):
        valid = False
    if not valid:
        raise ImproperlyConfigured('ATENDE_CLUSTERS is JSON: {"name": {"url": "postgres://...", "owner_url": "postgres://..."}}')
    return dict(found)


_CLUSTERS = _clusters(env.str("ATENDE_CLUSTERS", ""))
DATABASES = {
    "default": database_settings(DATABASE_URL, is_owner=False),
    **{name: database_settings(one["url"], is_owner=False) for name, one in _CLUSTERS.items()},
}
DATABASE_OWNERS = {  # the log-ins that build schemas; only kernel.db.owner uses them
    name: database_settings(url, is_owner=True)
    for name, url in [("default", DATABASE_OWNER_URL), *((name, one.get("owner_url", "")) for name, one in _CLUSTERS.items())]
    if url
}
DATABASE_ADMINS = {  # superusers; only prepare_database uses them
    name: url
    for name, url in [
        ("default", env.str("DATABASE_ADMIN_URL", "")),
        *((name, one.get("admin_url", "")) for name, one in _CLUSTERS.items()),
    ]
    if url
}
DATABASE_ROUTERS = [
    "kernel.db.routing.ScopeRouter",
    "django_tenants.routers.TenantSyncRouter",  # the library insists on its name; ours has always answered before
]
PG_EXTRA_SEARCH_PATHS = ["extensions"]
SKIP_PG_EXTRA_VALIDATION = True
SHOW_PUBLIC_IF_NO_TENANT_FOUND = False

# --- redis, celery, channels -------------------------------------------------------------------------------------------
REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_FUNCTION": "kernel.cache.scoped_key",
    }
}
CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}}
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_MAX_TASKS_PER_CHILD = 2000
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 120, "socket_connect_timeout": 1, "socket_timeout": 10}
CELERY_TIMEZONE = "UTC"

# --- web ---------------------------------------------------------------------------------------------------------------
ROOT_URLCONF = "config.urls.tenant"
PUBLIC_SCHEMA_URLCONF = "config.urls.public"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
MIDDLEWARE = [
    "servestatic.middleware.ServeStaticMiddleware",
    "kernel.middleware.ScopeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "ui.csp.CspMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "shared_apps.accounts.middleware.UserMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "shared_apps.accounts.middleware.LanguageMiddleware",
    "allauth.account.middleware.AccountMiddleware",  # the library refuses to start without it
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": ["django.template.context_processors.request", "django.template.context_processors.csrf"],
        },
    }
]
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("ATENDE_STATIC_DIR", str(ATENDE_DATA_DIR / "static")))
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.AppDirectoriesFinder"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"file_permissions_mode": 0o640}},
    "staticfiles": {"BACKEND": "ui.storage.UiStaticFilesStorage"},
}
SERVESTATIC_USE_FINDERS = not IS_PRODUCTION
SERVESTATIC_AUTOREFRESH = False
MEDIA_ROOT = Path(env.str("ATENDE_MEDIA_DIR", str(ATENDE_DATA_DIR / "media")))
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 40 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# --- security ----------------------------------------------------------------------------------------------------------
_HAS_TLS = ATENDE_PUBLIC_SCHEME == "https"
SESSION_COOKIE_NAME = "__Host-session" if _HAS_TLS else "atende_session"
SESSION_COOKIE_SECURE = _HAS_TLS
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
CSRF_COOKIE_NAME = "__Host-csrf" if _HAS_TLS else "atende_csrf"
CSRF_COOKIE_SECURE = _HAS_TLS
CSRF_FAILURE_VIEW = "ui.errors.csrf_failure"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ATENDE_TRUST_PROXY else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31536000 if _HAS_TLS else 0
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["shared_apps.accounts.backends.EmailBackend", "guardian.backends.ObjectPermissionBackend"]
LOGIN_URL = "/sign-in/"
MFA_ADAPTER = "shared_apps.accounts.second_step.SealingAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODE_DIGITS = 10
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]

# --- api ---------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "shared_apps.accounts.authentication.ApiKeyAuthentication",
        "shared_apps.accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["kernel.api.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["kernel.api.renderers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "kernel.api.schema.AutoSchema",
    "EXCEPTION_HANDLER": "kernel.api.errors.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,
}
REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_TTL": None, "TOKEN_LIMIT_PER_USER": None, "TOKEN_PREFIX": "atk_"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Atende API",
    "DESCRIPTION": "Customer support: tickets, conversations, contacts and events of one tenant. Problems are RFC 9457.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/(api/v1|api/platform/v1|hooks/v1)",
    "SORT_OPERATIONS": True,
    "ENUM_NAME_OVERRIDES": {
        "MessageVisibilityEnum": "tenant_apps.messaging.models.Visibility",
        "RunStateEnum": "shared_apps.tenants.models.RunState",
        "TenantStateEnum": "shared_apps.tenants.models.TenantState",
        "TicketVisibilityEnum": "tenant_apps.access.models.Visibility",
    },
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "kernel.api.schema.add_servers"],
}

# --- language and time -------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("pt-br", "Português (Brasil)")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- mail --------------------------------------------------------------------------------------------------------------
ATENDE_SMTP_HOST = env.str("ATENDE_SMTP_HOST", "127.0.0.1")
ATENDE_SMTP_PORT = env.int("ATENDE_SMTP_PORT", 2525)
ATENDE_SMTP_OUT_URL = env.str("ATENDE_SMTP_OUT_URL", "smtp://127.0.0.1:1025")
ATENDE_CATCHER_DIR = Path(env.str("ATENDE_CATCHER_DIR", str(ATENDE_DATA_DIR / "catcher")))
ATENDE_MAIL_MAX_BYTES = env.int("ATENDE_MAIL_MAX_BYTES", 25 * 1024 * 1024)

# --- logs --------------------------------------------------------------------------------------------------------------
LOGGING_CONFIG = None
logs.configure(as_json=ATENDE_LOG_JSON, level=ATENDE_LOG_LEVEL)
