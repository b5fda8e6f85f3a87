"""Checks of the process: start, log and stop."""

import re
import signal
import socket
import time

from engines.conformance.checklist import Checklist, UncheckedError, require
from engines.conformance.trial import NO_MODEL, STOP_S, Trial, free_port

LONGEST_START_S = 20.0
_LINE = re.compile(r"\d\d:\d\d:\d\d\.\d{3} \| (DEBUG|INFO|WARNING|ERROR) \| \w+:\S+:\d+ - \[\S+\] .")
UNLOGGED = "Xyzzy plugh"

checks: Checklist[Trial] = Checklist()


@checks.add("Starts with --port N in well under 30 s, on 127.0.0.1", "Import heavy libraries inside load_model.")
def _start(trial: Trial) -> None:
    require(trial.start_s < LONGEST_START_S, f"/health answered after {trial.start_s:.1f} s")


@checks.add("Logs in the standard format, never the text at INFO", "Use logging.getLogger(__name__); log no text.")
def _log(trial: Trial) -> None:
    route = {"tts": "/generate", "text": "/segment"}.get(trial.config.engine_type)
    if route and trial.model:
        trial.load()
        language = (trial.config.supported_languages or ["en"])[0]
        trial.post(route, {"text": UNLOGGED, "language": language})
    require(UNLOGGED not in trial.log, "the text is in the log")
    lines = [line for line in trial.log.splitlines() if line and not line.startswith((" ", "Traceback"))]
    require(lines and any(_LINE.match(line) for line in lines), f"the log starts with {trial.log[:100]!r}")
    require("\x1b[" not in trial.log, "the log is coloured although stderr is not a terminal")
    if route and not trial.model:
        raise UncheckedError(NO_MODEL)


@checks.add("A port in use: a message and a code other than 0", "Start with `Server.main()`.")
def _taken_port(trial: Trial) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        _expect_refusal(trial, "--port", str(other.getsockname()[1]))


@checks.add("A bad port, a bad LOG_LEVEL: code 2", "Start with `Server.main()`.")
def _bad_values(trial: Trial) -> None:
    require(_exit_code(trial, "--port", "http") == 2, "--port http does not end with code 2")
    before = trial.environment.get("LOG_LEVEL")
    trial.environment["LOG_LEVEL"] = "LOUD"
    try:
        require(_exit_code(trial, "--port", str(free_port())) == 2, "LOG_LEVEL=LOUD does not end with code 2")
    finally:
        trial.environment.pop("LOG_LEVEL")
        if before is not None:
            trial.environment["LOG_LEVEL"] = before


@checks.add(
    "/shutdown answers at once, closes the port within 1 s, and ends with code 0", "Start with `Server.main()`."
)
def _shutdown(trial: Trial) -> None:
    answer = trial.post("/shutdown", timeout_s=5)
    require(
        answer.json() == {"status": "shutting_down"} and answer.seconds < 1,
        f"{answer.body!r} in {answer.seconds:.1f} s",
    )
    time.sleep(1)
    require(_refuses_connections(trial.port), "the port is still open after 1 s")
    _expect_end(trial)


@checks.add("SIGTERM ends it within 10 s with code 0", "Start with `Server.main()`; the base server stops it.")
def _sigterm(trial: Trial) -> None:
    trial.start()
    if trial.process:
        trial.process.send_signal(signal.SIGTERM)
    _expect_end(trial)


def _expect_end(trial: Trial) -> None:
    if trial.process:
        code = trial.process.wait(STOP_S)
        require(code == 0, f"exit code {code}")


def _expect_refusal(trial: Trial, *flags: str) -> None:
    before = len(trial.log)
    code = _exit_code(trial, *flags)
    require(code != 0, "exit code 0")
    require(trial.log[before:].strip(), "no message")


def _exit_code(trial: Trial, *flags: str) -> int:
    process = trial.spawn(*flags)
    try:
        return process.wait(STOP_S * 2)
    finally:
        process.kill()


def _refuses_connections(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) != 0
