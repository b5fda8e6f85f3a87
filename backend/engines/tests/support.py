"""What the tests of the engines share: bounds that a busy machine keeps, waiting, and ports."""

import time
from collections.abc import Callable
from typing import Any

import httpx

SOON_S = 10.0
"""Where an idle machine needs a moment. What such a bound tells apart takes three times as long, or for ever."""

AT_LAST_S = 60.0
"""What a test waits for where the event has to come, and only a fault keeps it away."""


def port_of(client: httpx.Client) -> int:
    """Return the port that a client of `serving` asks."""
    port = client.base_url.port
    assert port
    return port


def wait_until(condition: Callable[[], object], seconds: float = AT_LAST_S) -> None:
    """Wait until `condition` holds; fail after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.01)


def field(answer: dict[str, Any], key: str) -> Any:
    """Return a field of an analysis by its key."""
    return next(item["value"] for item in answer["details"]["fields"] if item["key"] == key)
