"""GPU memory, asked from the driver."""

import pytest

from engines.serving.gpu import _nvml, gpu_memory, release_unused_memory
from engines.tests.scripted_engine import ScriptedEngine, serving


def test_gpu_memory_without_a_driver_is_none() -> None:
    if _nvml() is not None:
        pytest.skip("this machine has an NVIDIA driver")
    assert gpu_memory() is None


def test_gpu_memory_of_the_driver_is_in_mib() -> None:
    memory = gpu_memory()
    if memory is None:
        pytest.skip("this machine has no NVIDIA GPU")
    assert 0 <= memory.used_mb <= memory.total_mb
    assert memory.total_mb > 1000


def test_health_on_cuda_asks_for_the_memory(engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    from engines import base_server
    from engines.serving import gpu

    monkeypatch.setattr(ScriptedEngine, "device", "cuda")
    monkeypatch.setattr(base_server, "gpu_memory", lambda: gpu.GpuMemory(used_mb=5, total_mb=9))
    with serving(engine) as client:
        health = client.get("/health").json()
    assert (health["device"], health["gpuMemoryUsedMb"], health["gpuMemoryTotalMb"]) == ("cuda", 5, 9)


def test_release_unused_memory_needs_no_torch() -> None:
    release_unused_memory()
