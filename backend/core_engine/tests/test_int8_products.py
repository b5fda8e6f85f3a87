"""What products show of the processor agrees with the flags that the kernel lists."""

import platform
import unittest
from pathlib import Path
from unittest import mock

from core_engine.kokoro.model.int8_products import largest_pair

_CPUINFO = Path("/proc/cpuinfo")
_MADE_FOR_INT8 = frozenset(["avx512_vnni", "avx_vnni", "amx_int8"])


class Int8ProductTests(unittest.TestCase):
    @unittest.skipUnless(_CPUINFO.is_file() and platform.machine() == "x86_64", "needs the flags of an x86 processor")
    def test_small_weights_are_exact_and_all_with_instructions_for_int8(self) -> None:
        line = next(line for line in _CPUINFO.read_text().splitlines() if line.startswith("flags"))
        flags = set(line.split())
        expected = 256 if flags & _MADE_FOR_INT8 or "avx2" not in flags else 127
        self.assertEqual(largest_pair(), expected)

    def test_runtime_without_products_of_int8(self) -> None:
        largest_pair.cache_clear()
        self.addCleanup(largest_pair.cache_clear)
        with mock.patch("onnxruntime.InferenceSession", side_effect=RuntimeError):
            self.assertEqual(largest_pair(), 0)
