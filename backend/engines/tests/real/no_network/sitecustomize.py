"""Runs in every Python whose PYTHONPATH has this folder: whatever asks for another machine is refused and noted.

The notes go to the file that NETWORK_LOG names, one line each.
"""

import contextlib
import os
import socket
import sys

_LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    asked = _asked(event, arguments)
    if asked is None or asked == "" or asked.startswith(_LOOPBACK):
        return
    with contextlib.suppress(KeyError, OSError), open(os.environ["NETWORK_LOG"], "a", encoding="utf-8") as notes:
        notes.write(f"{event} {asked}\n")
    raise ConnectionRefusedError(f"The tests allow no network: {event} {asked}")


def _asked(event: str, arguments: tuple[object, ...]) -> str | None:
    """Return the host of an audit event of the module socket; None for what is no network."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return None
    return host.decode(errors="replace") if isinstance(host, bytes) else str(host or "")


if hasattr(socket, "AF_INET"):
    sys.addaudithook(_refuse)
