"""Connect to a Ray cluster, or start one on this machine."""

import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core_engine.kokoro.installation import install_command
from core_engine.kokoro.model.cores import allowed_cores
from storyflow.cluster.errors import ClusterError

logger = logging.getLogger(__name__)

LOCAL, AUTO = "local", "auto"
_REACHED_S = 10.0
_NAMESPACE = "storyflow"


@contextlib.contextmanager
def connected(address: str) -> Iterator[str]:
    """Connect to the cluster at `address` during the block; yield a name for this run.

    `auto` is the cluster that this machine belongs to, `local` one of this machine alone, which ends with the block.
    Raises ClusterError.
    """
    # Before Ray, which reads these when it is imported. It would print the logs of dead nodes among the results.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    if _has_token():
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # as `ray start --head` does; Ray in a program does not
    options = _options_of_local() if address == LOCAL else {}
    ray = _ray()
    if address not in (LOCAL, AUTO):
        _check_reachable(address)
    run = f"storyflow-{secrets.token_hex(3)}"
    try:
        ray.init(
            address=address, namespace=_NAMESPACE, log_to_driver=False, logging_level=logging.ERROR,
            job_config=ray.job_config.JobConfig(metadata={"job_name": run}), **options,
        )  # fmt: skip
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise ClusterError(_unreachable(address, error)) from error
    try:
        yield run
    finally:
        ray.shutdown()


def _has_token() -> bool:
    """Return whether this machine has the token of a cluster, in one of the places where Ray looks for it."""
    given = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    return given or Path("~/.ray/auth_token").expanduser().is_file()


def _options_of_local() -> dict[str, Any]:
    """Return how to start a cluster that nobody else reaches, and that reports to nobody."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    return {"num_cpus": allowed_cores(), "include_dashboard": False, "_node_ip_address": "127.0.0.1"}


def _check_reachable(address: str) -> None:
    """Raise ClusterError unless something listens at HOST:PORT: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "://" in address:
        raise ClusterError(
            f"'{address}' is not the address of a cluster: give HOST:PORT, `auto` for the one that this machine "
            f"belongs to, or `local` for this machine alone. To use a cluster, this machine joins it: `ray start "
            f"--address=HOST:6379 --num-cpus=0`."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACHED_S).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(_unreachable(address, error)) from error


def _unreachable(address: str, error: Exception) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    return (
        f"The cluster '{address}' cannot be used: {reason[:300]} Start one with `ray start --head`, join it on the "
        f"other machines with `ray start --address=HOST:6379`, and give HOST:6379 or `auto`."
    )


def _ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ClusterError(f"--cluster needs Ray. Install it with: {install_command('cluster')}") from error
    return ray
