"""The server as a process: how it starts, what it logs, how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engines.conformance.trial import Trial, free_port, trial_of
from engines.contract.engine_config import load_engine_config
from engines.contract.errors import StartError
from engines.serving import process
from engines.tests.scripted_engine import in_background, make_folder
from engines.tests.support import SOON_S, wait_until

ENGINES = Path(process.__file__).parent.parent
DEBUG_TTS = ENGINES / "tts" / "debug-tts"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals as Unix has them")

ENDS_S = 30.0
"""The client kills after ten seconds. A busy machine gets more here, and what hangs in these tests hangs longer."""
SLOW_ENGINE = """
import ctypes, os, time
from engines.base_tts_server import BaseTTSServer
from engines.contract.wav import pcm16_wav

class Slow(BaseTTSServer):
    def load_model(self, model_name):
        time.sleep(float(os.environ.get("LOAD_S", "0")))
    def unload_model(self):
        pass
    def generate_audio(self, text, language, speaker_wav, parameters):
        if os.environ.get("HANG"):
            ctypes.CDLL(None).sleep(90)  # in C, where no signal and no exception reaches it
        time.sleep(float(os.environ.get("GENERATE_S", "0")))
        return pcm16_wav(bytes(48), 24000)

    def get_available_models(self):
        if os.environ.get("HANG_IN_A_THREAD"):
            ctypes.CDLL(None).sleep(90)  # as a mount that does not answer does, and not on the worker
        return super().get_available_models()

Slow.main()
"""


@pytest.fixture
def debug_tts() -> Iterator[Trial]:
    with trial_of(DEBUG_TTS) as trial:
        trial.model = "default"
        yield trial


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Trial]:
    """A server whose loads and requests take as long as its environment says."""
    folder = make_folder(tmp_path / "scripted")
    (folder / "server.py").write_text(SLOW_ENGINE)
    trial = Trial(folder, load_engine_config(folder / "engine.yaml"), sys.executable, ENGINES.parent, "default")
    yield trial
    trial.stop()


def ended(trial: Trial) -> int:
    """Return the exit code; fail where the process does not end."""
    assert trial.process
    return trial.process.wait(ENDS_S)


def until(trial: Trial, status: str) -> None:
    """Wait until the server is at that: the request has come to it."""
    wait_until(lambda: trial.get("/health").json()["status"] == status)


def send(trial: Trial, number: int) -> int:
    assert trial.process
    trial.process.send_signal(number)
    return ended(trial)


def quietly(function: Any, *arguments: Any) -> object:
    try:
        return function(*arguments)
    except OSError as error:
        return error


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_to_an_idle_server_ends_it_with_code_0(debug_tts: Trial, number: int) -> None:
    debug_tts.start()
    code = send(debug_tts, number)
    assert code == 0


def test_sigterm_before_the_server_listens_ends_it_with_code_0_or_by_the_signal(debug_tts: Trial) -> None:
    debug_tts.process = debug_tts.spawn("--port", str(free_port()))
    time.sleep(0.02)
    assert send(debug_tts, signal.SIGTERM) in (0, -signal.SIGTERM)


def test_sigterm_during_a_load_ends_it_with_code_0_and_answers_503(slow: Trial) -> None:
    slow.environment["LOAD_S"] = "90"
    slow.start()
    with in_background(slow.post, "/load", {"engineModelName": "default"}) as answers:
        until(slow, "loading")
        code = send(slow, signal.SIGTERM)
    assert code == 0
    assert answers[0].status == 503


def test_sigterm_lets_a_short_generation_end(slow: Trial) -> None:
    slow.environment["GENERATE_S"] = "1.5"
    slow.start()
    slow.load()
    with in_background(slow.post, "/generate", {"text": "Hi", "language": "en"}) as answers:
        until(slow, "processing")
        code = send(slow, signal.SIGTERM)
    assert code == 0
    assert answers[0].status == 200


def test_sigterm_during_a_generation_that_hangs_in_c_ends_it_with_code_0(slow: Trial) -> None:
    slow.environment["HANG"] = "1"
    slow.start()
    slow.load()
    with in_background(slow.post, "/generate", {"text": "Hi", "language": "en"}) as answers:
        until(slow, "processing")
        code = send(slow, signal.SIGTERM)
    assert code == 0
    assert answers[0].status == 503


def test_sigterm_while_a_mount_hangs_ends_it_with_code_0(slow: Trial) -> None:
    slow.environment["HANG_IN_A_THREAD"] = "1"
    slow.start()
    with in_background(quietly, slow.get, "/models", 15):
        time.sleep(0.3)
        code = send(slow, signal.SIGTERM)
    assert code == 0


def test_sigterm_while_nobody_reads_the_log_ends_it_with_code_0(slow: Trial) -> None:
    """A full pipe holds every thread that logs, and with it the lock of the log."""
    server = slow.folder / "server.py"
    flood = 'import logging\n        for _ in range(4000): logging.error("x" * 100)\n        return pcm16_wav'
    server.write_text(server.read_text().replace("return pcm16_wav", flood))
    slow.port = free_port()
    command = [slow.python, str(server), "--port", str(slow.port)]
    environment = {**os.environ, "PYTHONPATH": str(slow.backend)}
    with subprocess.Popen(command, cwd=slow.folder, env=environment, stderr=subprocess.PIPE) as process:
        wait_until(lambda: _listens(slow.port))
        slow.load()
        with in_background(quietly, slow.post, "/generate", {"text": "Hi", "language": "en"}, None, 15):
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            try:
                code = process.wait(ENDS_S)
            finally:
                process.kill()
    assert code == 0


def test_sigterm_twice_ends_it_with_code_0(slow: Trial) -> None:
    slow.environment["LOAD_S"] = "90"
    slow.start()
    with in_background(quietly, slow.post, "/load", {"engineModelName": "default"}):
        until(slow, "loading")
        assert slow.process
        slow.process.send_signal(signal.SIGTERM)
        assert send(slow, signal.SIGTERM) == 0


def test_shutdown_during_a_load_answers_at_once_and_closes_the_port(slow: Trial) -> None:
    slow.environment["LOAD_S"] = "90"
    slow.start()
    with in_background(quietly, slow.post, "/load", {"engineModelName": "default"}):
        until(slow, "loading")
        answer = slow.post("/shutdown")
        assert (answer.status, answer.seconds < SOON_S) == (200, True)
        wait_until(lambda: not _listens(slow.port))
        code = ended(slow)
    assert code == 0


def test_connection_that_sends_nothing_does_not_hold_up_the_end(debug_tts: Trial) -> None:
    debug_tts.start()
    with socket.create_connection(("127.0.0.1", debug_tts.port)) as client:
        client.sendall(b"POST /load HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n")
        time.sleep(0.2)
        code = send(debug_tts, signal.SIGTERM)
    assert code == 0


def test_port_that_is_taken_is_said_with_a_code_other_than_0(debug_tts: Trial) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        debug_tts.process = debug_tts.spawn("--port", str(port))
        assert ended(debug_tts) == 1
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use." in debug_tts.log
    assert "Traceback" not in debug_tts.log


@pytest.mark.parametrize(
    ("flags", "environment", "said"),
    [
        (["--port", "http"], {}, "'http' is not a port"),
        (["--port", "0"], {}, "'0' is not a port"),
        (["--port", "70000"], {}, "'70000' is not a port"),
        ([], {"PORT": "-1"}, "'-1' is not a port"),
        (["--port", "8766"], {"LOG_LEVEL": "LOUD"}, "LOG_LEVEL is 'LOUD': use one of DEBUG, INFO, WARNING, ERROR"),
    ],
)
def test_bad_value_is_a_clear_error_with_code_2(flags: Any, environment: dict[str, Any], said: str) -> None:
    clean = {name: value for name, value in os.environ.items() if name not in ("PORT", "LOG_LEVEL")}
    done = subprocess.run(
        [sys.executable, "server.py", *flags],
        cwd=DEBUG_TTS,
        env={**clean, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["no such host", "203.0.113.7"])
def test_host_that_is_not_here_is_a_clear_error(host: str) -> None:
    with pytest.raises(StartError, match=re.escape(host)):
        process.listen(host, free_port())


def test_engine_yaml_that_is_wrong_is_a_clear_error(debug_tts: Trial) -> None:
    (debug_tts.folder / "engine.yaml").write_text("name: Debug TTS\nschema_version: 1\n")
    debug_tts.process = debug_tts.spawn("--port", str(free_port()))
    assert ended(debug_tts) == 1
    assert "  - schema_version: Input should be 2" in debug_tts.log
    assert "Traceback" not in debug_tts.log


def test_port_is_the_default_without_flag_and_environment() -> None:
    assert process.read_options("x", [], {}).port == 8766
    assert process.read_options("x", [], {"PORT": ""}, 8767).port == 8767


def test_port_of_the_environment_is_used_without_the_flag() -> None:
    options = process.read_options("x", [], {"PORT": "1234"})
    assert (options.port, options.host, options.log_level, options.token) == (1234, "127.0.0.1", "INFO", None)


def test_flags_win_over_the_environment() -> None:
    options = process.read_options("x", ["--port", "1", "--host", "0.0.0.0"], {"PORT": "bad", "LOG_LEVEL": "debug"})
    assert (options.port, options.host, options.log_level) == (1, "0.0.0.0", "DEBUG")


def test_server_listens_on_loopback_only_unless_told_otherwise(debug_tts: Trial) -> None:
    debug_tts.start()
    assert _listening_addresses(debug_tts.port) == {"0100007F"}  # 127.0.0.1 as /proc/net/tcp writes it


def _listening_addresses(port: int) -> set[str]:
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:] + Path("/proc/net/tcp6").read_text().splitlines()[1:]
    local = [line.split()[1].split(":") for line in lines if line.split()[3] == "0A"]
    return {address for address, number in local if int(number, 16) == port}


def test_log_has_the_standard_form_and_never_the_text(debug_tts: Trial) -> None:
    debug_tts.start()
    debug_tts.load()
    secret = "The treasure lies under the third oak"
    for body in ({"text": secret}, {"text": secret, "language": "xx"}, {"text": secret, "language": "en"}):
        debug_tts.post("/generate", body)
    send(debug_tts, signal.SIGTERM)
    lines = debug_tts.log.splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3} \| INFO \| \w+:\w+:\d+ - \[debug-tts\] ", line) for line in lines)
    said = [line.partition("] ")[2] for line in lines]
    assert [line.split(" ")[0] for line in said] == ["Listening", "Loading", "Loaded", "Spoke", "Unloaded", "Stopped."]
    assert "oak" not in debug_tts.log
    assert "\x1b" not in debug_tts.log


def test_log_of_a_request_that_fails_does_not_repeat_the_text(slow: Trial) -> None:
    server = slow.folder / "server.py"
    server.write_text(server.read_text().replace("return pcm16_wav", "raise ValueError(text); return pcm16_wav"))
    slow.start()
    slow.load()
    answer = slow.post("/generate", {"text": "under the oak", "language": "en"})
    assert (answer.status, answer.json()["detail"]) == (500, "under the oak")
    assert "The request failed: ValueError" in slow.log
    assert "oak" not in slow.log


def test_log_level_debug_is_obeyed(slow: Trial) -> None:
    slow.environment["LOG_LEVEL"] = "ERROR"
    slow.start()
    assert slow.log == ""


def test_server_starts_from_its_own_folder_without_an_installed_package(tmp_path: Path) -> None:
    """As the client starts it: the engine's Python, its server.py, its folder; nothing else is given."""
    port = free_port()
    code = "import runpy, sys; sys.path[:] = [p for p in sys.path if 'backend' not in p]; "
    code += "sys.argv[1:] = ['--port', '%d']; runpy.run_path('server.py', run_name='__main__')"
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PORT")}
    with subprocess.Popen(
        [sys.executable, "-c", code % port], cwd=DEBUG_TTS, env=clean, stderr=subprocess.PIPE
    ) as server:
        try:
            wait_until(lambda: _listens(port))
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(ENDS_S) == 0


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_threads_of_a_stopped_server_do_not_outlive_it(slow: Trial) -> None:
    slow.start()
    threads = [
        threading.Thread(target=quietly, args=(slow.post, "/load", {"engineModelName": "default"})) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    assert send(slow, signal.SIGTERM) == 0
    for thread in threads:
        thread.join(ENDS_S)
