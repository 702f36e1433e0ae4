"""The web process: REST and pages."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
application = get_wsgi_application()

from django.conf import settings  # noqa: E402 (Django is set up only now)
from kernel import metrics  # noqa: E402

metrics.serve(settings.ATENDE_METRICS_PORT)
