"""The live process: sockets; it answers HTTP too, for a machine that runs one process only."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
http = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402 (Django is set up only now)
from django.conf import settings  # noqa: E402
from kernel import metrics  # noqa: E402
from tenant_apps.realtime.routing import websocket_application  # noqa: E402

application = ProtocolTypeRouter({"http": http, "websocket": websocket_application})
metrics.serve(settings.ATENDE_METRICS_PORT)
