"""All settings of the site. The environment is read here and nowhere else in the product.

`EVENKEEL_ENV` says what this process is part of: `production` (the default, which
refuses to start half-configured), `development` or `test`.
"""

from pathlib import Path
from typing import Any

import dj_database_url
import dj_email_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from kombu.entity import Queue

from portfolio_site import environment, logs
from portfolio_site.environment import env

BASE_DIR = Path(__file__).resolve().parent.parent
env.read_env(str(BASE_DIR / ".env"), recurse=False)

ENVIRONMENT = environment.name()
PRODUCTION = ENVIRONMENT == "production"
VAR_DIR = Path(env.str("EVENKEEL_VAR", str(BASE_DIR / "var")))

# --- What production must be told ----------------------------------------------------------------
if PRODUCTION:
    SECRET_KEY = environment.required("SECRET_KEY", example="'a long random string'")
    ALLOWED_HOSTS = [
        host.strip()
        for host in environment.required("ALLOWED_HOSTS", example="evenkeel.example.org").split(",")
    ]
    FIELD_ENCRYPTION_KEYS = environment.encryption_keys(
        environment.required(
            "FIELD_ENCRYPTION_KEYS", example=f'"$({environment.NEW_ENCRYPTION_KEY})"'
        )
    )
else:
    SECRET_KEY = env.str("SECRET_KEY", "only-for-a-machine-of-your-own-" + "x" * 32)
    ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]", "testserver"])
    FIELD_ENCRYPTION_KEYS = environment.encryption_keys(
        env.str("FIELD_ENCRYPTION_KEYS", "b25seS1mb3ItYS1tYWNoaW5lLW9mLXlvdXItb3duLS0=")
    )

DATABASE_URL = environment.required(
    "DATABASE_URL", example="postgresql://user:password@host/evenkeel"
)
REDIS_URL = environment.required("REDIS_URL", example="redis://host:6379/0")

DEBUG = env.bool("DEBUG", False)
# Where links in e-mails lead. The demo sets it to the port it found free.
SITE_URL = env.str("SITE_URL", "") or (
    f"https://{ALLOWED_HOSTS[0].lstrip('*.')}" if PRODUCTION else "http://localhost:8000"
)

# --- The product ---------------------------------------------------------------------------------
# Daily prices: CSV files from this directory, or a simulated market when it is empty.
MARKET_DATA_DIR = env.str("MARKET_DATA_DIR", "")
# Dominance, funding and the like: CSV files from this directory, by default `signals` beside that
# of the prices, if there is one. What is in none of its files is unavailable.
MARKET_SIGNALS_DIR = env.str("MARKET_SIGNALS_DIR", "") or environment.sibling(
    MARKET_DATA_DIR, "signals"
)
SIMULATED_MARKET_SEED = env.int("SIMULATED_MARKET_SEED", 20260101)
# About 1,000 portfolios a chunk measured best; see docs/benchmarks.md.
NIGHT_CHUNK_SIZE = env.int("NIGHT_CHUNK_SIZE", 1000)
# Of a file that somebody imports. It is held in memory and in the database, never on disk.
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", 1_000_000)
IMPORT_MAX_ROWS = env.int("IMPORT_MAX_ROWS", 10_000)
# Of a portfolio's own exported file: some 40,000 transactions.
PORTFOLIO_FILE_MAX_BYTES = env.int("PORTFOLIO_FILE_MAX_BYTES", 10_000_000)
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = max(PORTFOLIO_FILE_MAX_BYTES, IMPORT_MAX_BYTES) + 100_000
MAILS_PER_SECOND = env.float("MAILS_PER_SECOND", 10.0)
# Webhooks go to public addresses, on these ports. An installation of one's own may let them reach
# networks of its own too ("10.1.0.0/16"), with certificates from its own authority (a PEM file).
WEBHOOK_PORTS = env.list("WEBHOOK_PORTS", [443], subcast=int)
WEBHOOK_PRIVATE_NETWORKS: list[str] = env.list("WEBHOOK_PRIVATE_NETWORKS", [])
WEBHOOK_CA_FILE = env.str("WEBHOOK_CA_FILE", "")

# --- Operations (docs/operations.md) -------------------------------------------------------------
# After an outage the missed nights of so many days are computed; older ones are skipped.
NIGHT_CATCH_UP_DAYS = env.int("NIGHT_CATCH_UP_DAYS", 7)
# When staff are told that a night is late, counted from when it was due.
NIGHT_LATE_AFTER_MINUTES = env.int("NIGHT_LATE_AFTER_MINUTES", 120)
# So long the figures of past nights are kept (analytics/services/retention.py).
RESULTS_KEPT_DAYS = env.int("RESULTS_KEPT_DAYS", 30)
# Told of every night's start, success and failure: URL/start, URL, URL/fail.
NIGHT_HEARTBEAT_URL = environment.web_address("NIGHT_HEARTBEAT_URL")
# What Prometheus shows to read /metrics; without it there is no such page.
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
# A file that worker and beat touch every few seconds, for health checks (pulse.py).
PULSE_FILE = env.str("PULSE_FILE", "")
# A worker that is stopped finishes what it is at within this time, or gives it back (celery.py).
WORKER_SHUTDOWN_SECONDS = env.float("WORKER_SHUTDOWN_SECONDS", 30.0)
# A migration that waits longer for a table gives up rather than hold up the site behind it.
MIGRATION_LOCK_TIMEOUT_SECONDS = env.float("MIGRATION_LOCK_TIMEOUT_SECONDS", 2.0)

# --- Django --------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "portfolio_site",
    "analytics",
    "portfolios",
    "accounts",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "django_htmx",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "import_export",
    "knox",
    "rest_framework",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portfolio_site.middleware.Guests",
    "portfolio_site.middleware.StaffSecondStep",
    "django_htmx.middleware.HtmxMiddleware",
    "portfolio_site.middleware.login_for_fragments",
    "portfolio_site.middleware.private_pages",
    "django_structlog.middlewares.RequestMiddleware",
    "portfolio_site.middleware.display_settings",
]
ROOT_URLCONF = "portfolio_site.urls"
WSGI_APPLICATION = "portfolio_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portfolio_site.context.market_source",
                "portfolio_site.context.unread_notifications",
            ]
        },
    }
]
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
INSTALLED_APPS += ["django.forms"]

database: dict[str, Any] = dict(dj_database_url.parse(DATABASE_URL, conn_health_checks=True))
if env.bool("DATABASE_POOL", False):  # web processes only: a worker has one connection
    database.setdefault("OPTIONS", {})["pool"] = {"min_size": 2, "max_size": 8, "timeout": 5}
# A process that stops in the middle of a statement or a transaction, its machine paused, say,
# loses what it holds after as long as a task may take: others wait for that. In the middle of a
# COPY no timeout of PostgreSQL's holds: analytics.services.connections ends those, by their name.
DATABASE_TIMEOUT_SECONDS = env.int("DATABASE_TIMEOUT_SECONDS", 300)
DATABASE_APPLICATION_NAME = "evenkeel"
database.setdefault("OPTIONS", {}).update(
    application_name=DATABASE_APPLICATION_NAME,
    options=f"-c statement_timeout={DATABASE_TIMEOUT_SECONDS}s"
    f" -c idle_in_transaction_session_timeout={DATABASE_TIMEOUT_SECONDS}s",
)
DATABASES = {"default": database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "portfolio_site.cache.DispensableRedisCache",
        "LOCATION": env.str("CACHE_URL", REDIS_URL),
        "KEY_PREFIX": "cache",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }
}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

# --- Static files --------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
NODE_MODULES = BASE_DIR / "node_modules"
STATICFILES_DIRS: list[Any] = []
for prefix, folder in (
    ("vendor/tabler", NODE_MODULES / "@tabler" / "core" / "dist" / "css"),
    ("vendor/tabler", NODE_MODULES / "@tabler" / "core" / "dist" / "js"),
    ("vendor/echarts", NODE_MODULES / "echarts" / "dist"),
):
    if folder.is_dir():
        STATICFILES_DIRS.append((prefix, folder))
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not PRODUCTION
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- Accounts ------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "allauth.account.auth_backends.AuthenticationBackend",
    "accounts.services.guests.GuestBackend",
]
PASSWORD_HASHERS = ["portfolio_site.hashers.Argon2"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "analytics:portfolio-list"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 3
ACCOUNT_RATE_LIMITS = {
    "sandbox": "5/m/ip,20/h/ip",
    "recompute": "6/m/user,60/h/user",
    "webhook_test": "6/m/user,60/h/user",
}
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_FORMS = {
    "login": "accounts.forms.LoginForm",
    "signup": "accounts.forms.SignupForm",
    "add_email": "accounts.forms.AddEmailForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "set_password": "accounts.forms.SetPasswordForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
    "reauthenticate": "accounts.forms.ReauthenticateForm",
}
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PRODUCTION else "http"
# How many proxies stand in front: rate limits count the address the last of them saw.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 0)

# Off on a machine of one's own, so that the demo's admin gets in with a password.
STAFF_NEEDS_MFA = env.bool("STAFF_NEEDS_MFA", PRODUCTION)
MFA_ADAPTER = "accounts.adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["recovery_codes", "totp", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_FORMS = {
    "authenticate": "accounts.forms.AuthenticateForm",
    "reauthenticate": "accounts.forms.MFAReauthenticateForm",
    "activate_totp": "accounts.forms.ActivateTOTPForm",
    "add_webauthn": "accounts.forms.AddWebAuthnForm",
}

# --- The API (docs/api.md) ------------------------------------------------------------------------
API_REQUESTS_PER_MINUTE = env.int("API_REQUESTS_PER_MINUTE", 300)
KNOX_TOKEN_MODEL = "accounts.ApiToken"
MIGRATION_MODULES = {"knox": None}  # of its models we use none
REST_KNOX = {"TOKEN_PREFIX": "evk_"}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "accounts.api.authentication.WithinScope",
    ],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "accounts.api.renderers.Page",
    ],
    "DEFAULT_PARSER_CLASSES": ["accounts.api.parsers.JSON"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api.throttling.Throttle"],
    "DEFAULT_PAGINATION_CLASS": "accounts.api.pagination.Cursor",
    "DEFAULT_SCHEMA_CLASS": "accounts.api.openapi.Schema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "accounts.api.problems.handle",
    "NUM_PROXIES": env.int("TRUSTED_PROXY_COUNT", 0),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Evenkeel",
    "VERSION": "1",
    "DESCRIPTION": "What the pages of Evenkeel do, for programs. It suggests; no trades are "
    "executed.",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": False, "validatorUrl": None},
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "LabelEnum": "analytics.models.RegimeDay.Label",
        "ImportState": "portfolios.api.imports.STATES",
        "SuggestionState": "analytics.api.suggestions.STATES",
        "NightState": "analytics.api.runs.STATES",
        "NotificationKind": "accounts.models.Kind",
        "WebhookState": "accounts.models.Webhook.State",
        "DeliveryState": "accounts.models.WebhookDelivery.State",
        "AssetKind": "portfolios.models.Asset.Kind",
        "TransactionKind": "portfolios.models.Transaction.Kind",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "accounts.api.openapi.refuse_unknown_fields",
        "accounts.api.openapi.describe_headers",
    ],
}

# --- Mail ----------------------------------------------------------------------------------------
# Everything leaves through the outbox (accounts.services.outbox), which uses this backend.
if mail_url := env.str("EMAIL_URL", ""):
    vars().update(dj_email_url.parse(mail_url))
elif not PRODUCTION:
    EMAIL_BACKEND = "portfolio_site.mail_files.EmlFiles"
    EMAIL_FILE_PATH = str(VAR_DIR / "mail")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "Evenkeel <evenkeel@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# What the provider behind EMAIL_URL reports of bounces and complaints (django-anymail).
MAIL_PROVIDER = environment.mail_provider("MAIL_PROVIDER")
if MAIL_PROVIDER:
    ANYMAIL = {
        "WEBHOOK_SECRET": environment.required("MAIL_EVENTS_SECRET", example="name:long-and-random")
    }
if MAIL_PROVIDER == "mailgun":
    signing_key = environment.required("MAIL_SIGNING_KEY", example="key-of-its-webhooks")
    ANYMAIL["MAILGUN_WEBHOOK_SIGNING_KEY"] = signing_key

# --- Security ------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "img-src": [SELF, "data:"],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True
if PRODUCTION:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", True)
    SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_NAME = "__Host-csrf"
    CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", [SITE_URL])
    if env.int("TRUSTED_PROXY_COUNT", 0):
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
else:
    # Cookies ignore ports: names of our own keep the demo apart from other sites on localhost.
    SESSION_COOKIE_NAME = "evenkeel-session"
    CSRF_COOKIE_NAME = "evenkeel-csrf"

# --- Celery: the broker is a hint, PostgreSQL is the truth ---------------------------------------
if REDIS_URL.startswith("unix://"):
    CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1).replace(
        "?db=", "?virtual_host="
    )
else:
    CELERY_BROKER_URL = REDIS_URL
# Somebody waits for what is in "people": a worker takes that first. Other people's servers, which
# may be slow, come last.
CELERY_TASK_QUEUES = [Queue("people"), Queue("celery"), Queue("webhooks")]
CELERY_TASK_ROUTES = {
    "analytics.tasks.recompute_portfolio": {"queue": "people"},
    "accounts.tasks.send_webhooks": {"queue": "webhooks"},
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_TIME_LIMIT = 300
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULER = "portfolio_site.pulse:Scheduler"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "queue_order_strategy": "priority",  # the order of CELERY_TASK_QUEUES
    "visibility_timeout": 900,  # three times the hard limit
    "unacked_restore_interval": 30,
    "unacked_restore_throttle": 1,
    "health_check_interval": 25,
    "socket_timeout": 30,
    "socket_connect_timeout": 5,
    "socket_keepalive": not REDIS_URL.startswith("unix://"),
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# --- Logs ----------------------------------------------------------------------------------------
LOGGING = logs.configuration(
    json=PRODUCTION,
    level=env.str("LOG_LEVEL", "INFO" if PRODUCTION else "WARNING"),
    secrets=[SECRET_KEY, *FIELD_ENCRYPTION_KEYS, METRICS_TOKEN, NIGHT_HEARTBEAT_URL],
)

if PRODUCTION and len(SECRET_KEY) < 50:
    raise ImproperlyConfigured(
        "SECRET_KEY is shorter than 50 characters. Set a longer one, for example the output of "
        "`python -c 'import secrets; print(secrets.token_urlsafe(64))'`."
    )
