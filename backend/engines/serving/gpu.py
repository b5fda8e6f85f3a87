"""The memory of the first NVIDIA GPU, queried from its driver, without a deep-learning library."""

import ctypes
import gc
import sys
from dataclasses import dataclass

_LIBRARIES = ("libnvidia-ml.so.1", "nvml.dll")


@dataclass(frozen=True)
class GpuMemory:
    """Memory of one GPU in MiB."""

    used_mb: int
    total_mb: int


class _NvmlMemory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def gpu_memory() -> GpuMemory | None:
    """Return the memory of GPU 0 (nvmlDeviceGetMemoryInfo); None without an NVIDIA driver."""
    library = _nvml()
    if library is None or library.nvmlInit_v2() != 0:
        return None
    try:
        device, memory = ctypes.c_void_p(), _NvmlMemory()
        if library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) != 0:
            return None
        if library.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory)) != 0:
            return None
        return GpuMemory(used_mb=memory.used >> 20, total_mb=memory.total >> 20)
    finally:
        library.nvmlShutdown()


def release_unused_memory() -> None:
    """Free the memory of an unloaded model, including PyTorch's cache on the GPU."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _nvml() -> ctypes.CDLL | None:
    for name in _LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None
