"""What one product shows of the processor agrees with the flags that the kernel lists."""

import platform
import unittest
from pathlib import Path

from core_engine.kokoro.model.int8_products import multiplies_int8

_CPUINFO = Path("/proc/cpuinfo")
_MADE_FOR_INT8 = frozenset(["avx512_vnni", "avx_vnni", "amx_int8"])


class Int8ProductTests(unittest.TestCase):
    @unittest.skipUnless(_CPUINFO.is_file() and platform.machine() == "x86_64", "needs the flags of an x86 processor")
    def test_exact_where_the_processor_has_instructions_for_int8(self) -> None:
        line = next(line for line in _CPUINFO.read_text().splitlines() if line.startswith("flags"))
        flags = set(line.split())
        if flags & _MADE_FOR_INT8:
            self.assertTrue(multiplies_int8())
        elif "avx2" in flags:
            self.assertFalse(multiplies_int8())
