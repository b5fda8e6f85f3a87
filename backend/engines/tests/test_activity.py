"""One worker, a bounded queue, and the state that follows."""

import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from engines.contract.errors import BusyError, EngineError, RequestError
from engines.serving.activity import Activity, Kind
from engines.tests.support import AT_LAST_S


@pytest.fixture
def activity() -> Iterator[Activity]:
    activity = Activity(queue_limit=2)
    yield activity
    activity.close()


def test_activity_runs_work_in_order_on_one_thread(activity: Activity) -> None:
    threads, order = set(), []

    def work(number: int) -> int:
        threads.add(threading.current_thread().name)
        order.append(number)
        return number

    assert [activity.submit("processing", partial(work, n)).result(AT_LAST_S) for n in range(5)] == list(range(5))
    assert (threads, order) == ({"engine-worker"}, list(range(5)))


def test_activity_starts_no_thread_before_the_first_work() -> None:
    before = threading.active_count()
    Activity()
    assert threading.active_count() == before


@pytest.mark.parametrize("kind", ["loading", "processing"])
def test_activity_status_is_what_runs(activity: Activity, kind: Kind) -> None:
    hold = threading.Event()
    done = activity.submit(kind, hold.wait)
    seen = activity.status
    hold.set()
    done.result(AT_LAST_S)
    assert (seen, activity.status) == (kind, "ready")


def test_activity_status_is_never_ready_between_two_works(activity: Activity) -> None:
    seen = set()
    for _ in range(200):
        works = [activity.submit("processing", lambda: None), activity.submit("loading", lambda: None)]
        while not works[1].done():
            status = activity.status
            if not works[1].done():
                seen.add(status)
    assert "ready" not in seen


@pytest.mark.parametrize(
    ("error", "status"),
    [(ValueError("x"), "error"), (EngineError("x"), "error"), (RequestError("x"), "ready"), (BusyError("x"), "ready")],
)
def test_activity_status_after_a_failure_and_after_a_refusal(activity: Activity, error: Any, status: str) -> None:
    def work() -> None:
        raise error

    with pytest.raises(type(error)):
        activity.submit("processing", work).result(AT_LAST_S)
    assert (activity.status, activity.failure) == (status, "x" if status == "error" else None)
    activity.submit("processing", lambda: None).result(AT_LAST_S)
    assert (activity.status, activity.failure) == ("ready", None)


def test_activity_queue_is_bounded_and_forgets_what_was_cancelled(activity: Activity) -> None:
    hold = threading.Event()
    running = activity.submit("processing", hold.wait)
    while not running.running():
        time.sleep(0.001)
    waiting = [activity.submit("processing", lambda: None) for _ in range(2)]
    with pytest.raises(BusyError, match=r"full \(2 requests\)"):
        activity.submit("processing", lambda: None)
    waiting[0].cancel()
    last = activity.submit("processing", lambda: "here")
    hold.set()
    assert last.result(AT_LAST_S) == "here"


def test_activity_close_refuses_what_waits_and_what_comes(activity: Activity) -> None:
    hold = threading.Event()
    running = activity.submit("processing", hold.wait)
    while not running.running():
        time.sleep(0.001)
    waiting = activity.submit("processing", lambda: None)
    activity.close()
    with pytest.raises(BusyError, match="shutting down"):
        waiting.result(AT_LAST_S)
    with pytest.raises(BusyError, match="shutting down"):
        activity.submit("processing", lambda: None)
    assert not activity.join(0.05)
    hold.set()
    assert running.result(AT_LAST_S)
    assert activity.join(5)


def test_activity_abandon_answers_who_waits_while_the_work_goes_on(activity: Activity) -> None:
    hold = threading.Event()
    running = activity.submit("processing", hold.wait)
    while not running.running():
        time.sleep(0.001)
    activity.close()
    activity.abandon()
    with pytest.raises(BusyError, match="shutting down"):
        running.result(AT_LAST_S)
    hold.set()
    assert activity.join(5)
