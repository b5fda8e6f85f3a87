"""The HEALTHCHECK of the images."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import engines
from engines.tests.file_server import Answer, file_server

HEALTHCHECK = Path(engines.__file__).parent / "scripts/healthcheck.py"


def exit_code(port: str) -> int:
    environment = {**os.environ, "PORT": port, "http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    return subprocess.run([sys.executable, HEALTHCHECK], env=environment, timeout=20).returncode


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (204, 1), (302, 1), (404, 1), (500, 1), (503, 1)])
def test_only_200_is_healthy(status: int, expected: int) -> None:
    def answers(answer: Answer) -> None:
        answer.head(status if answer.path == "/health" else 200, Location="/elsewhere", Content_Length=0)

    with file_server({}, answers) as server:
        assert exit_code(server.url.rpartition(":")[2]) == expected
        assert [path for path, _ in server.asked] == ["/health"]


def test_nobody_there_and_no_http_are_not_healthy() -> None:
    with file_server({}, lambda answer: None) as server:
        port = server.url.rpartition(":")[2]
        assert exit_code(port) == 1
    assert exit_code(port) == 1
