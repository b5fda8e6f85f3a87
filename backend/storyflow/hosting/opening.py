"""Who may reach the speech server: from the network only those with a key, unless somebody wants it otherwise."""

import os

from engines.contract.errors import StartError
from engines.serving.guards import Exposure, is_loopback

INSECURE, LOCAL = "STORYFLOW_INSECURE", "STORYFLOW_LOCAL"
"""Variables that are set to 1: open to everybody; only for clients that call this machine by its own names."""


def exposure_at(host: str, key: str | None) -> Exposure:
    """Return who may reach a server that listens on `host`; raise StartError if it would be open by mistake.

    With STORYFLOW_LOCAL the port of a container may be published on 127.0.0.1, where web pages could otherwise reach
    it by a name of their own.
    """
    if is_loopback(host) or (_is_set(LOCAL) and not key):
        return Exposure(loopback_only=True, token=key)
    if key or _is_set(INSECURE):
        return Exposure(loopback_only=False, token=key)
    raise StartError(
        f"--host {host} opens the server to everyone who reaches this machine. Give an --api-key (STORYFLOW_API_KEY) "
        f"as well, or --insecure ({INSECURE}=1) if that is what you want. In a container whose port is published on "
        f"127.0.0.1, set {LOCAL}=1."
    )


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() in ("1", "true", "yes", "on")
