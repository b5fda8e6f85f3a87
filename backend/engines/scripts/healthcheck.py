"""Exit with 0 if the engine in this container answers /health with 200, with 1 otherwise."""

import http.client
import os
import sys

# No redirects and proxies: only this engine's own 200 counts.
connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 8766), timeout=5)
try:
    connection.request("GET", "/health")
    healthy = connection.getresponse().status == http.client.OK
except (OSError, http.client.HTTPException):
    healthy = False
sys.exit(not healthy)
