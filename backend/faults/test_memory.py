"""Memory use over many requests of varying length, and over loading and unloading; a deliberate leak must be found."""

from typing import Any

import pytest

from faults.support import run_module

KIB, MIB = 1 << 10, 1 << 20
PER_REQUEST, IN_ALL = 10 * KIB, 50 * MIB
NOISE = 4 * MIB
"""Normal fluctuation of the allocator over a few hundred requests."""


def allowed(requests: int) -> int:
    return min(PER_REQUEST * requests + NOISE, IN_ALL)


REQUESTS = [60, pytest.param(5000, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])]


@pytest.mark.parametrize("requests", REQUESTS)
def test_memory_of_requests_stays_flat(requests: Any) -> None:
    found = run_module("remembering_speaker", "speak", requests, timeout_s=1100)
    print(f"{found['grown'] / requests / KIB:.2f} KiB per request, {found['grown'] / MIB:.1f} MiB in all")
    assert found["grown"] <= allowed(requests)


@pytest.mark.parametrize("requests", [60, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_memory_of_a_leaking_speaker_is_found(requests: int) -> None:
    found = run_module("remembering_speaker", "leak", requests, timeout_s=500)
    print(f"{found['grown'] / requests / KIB:.2f} KiB per request, {found['grown'] / MIB:.1f} MiB in all")
    assert found["grown"] > allowed(requests)


@pytest.mark.parametrize("times", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_memory_of_loading_and_unloading_stays_flat(times: int) -> None:
    found = run_module("remembering_speaker", "load", times)
    print(f"{found['grown'] / MIB:.1f} MiB in all")
    assert found["grown"] <= min(IN_ALL, NOISE + MIB * times)
