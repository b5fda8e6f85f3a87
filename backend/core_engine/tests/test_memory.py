"""Free memory, from the machine and from control groups, on trees made for the test; and how many workers fit in it."""

from pathlib import Path
from unittest.mock import patch

from core_engine.kokoro.model import memory
from core_engine.kokoro.model.memory import free_memory
from core_engine.kokoro.speech import throughput
from core_engine.kokoro.speech.throughput import run_bytes, workers_for
from core_engine.tests.support import FolderTestCase, control_group_files

GB = 1 << 30
MEMINFO = "MemTotal: 16777216 kB\nMemFree: 1048576 kB\nMemAvailable: 8388608 kB\nHugePages_Total: 0\n"


class FreeMemoryTests(FolderTestCase):
    def free(self, membership: str, files: dict[str, str], meminfo: str | None = MEMINFO) -> int | None:
        machine = self.folder / "meminfo"
        machine.unlink(missing_ok=True)
        if meminfo is not None:
            machine.write_text(meminfo)
        with control_group_files(self.folder, membership, files), patch.object(memory, "_MEMINFO", machine):
            return free_memory()

    def test_machine_without_groups(self) -> None:
        self.assertEqual(self.free("", {}), 8 * GB)

    def test_limit_of_version_2_counts_without_cached_files(self) -> None:
        files = {
            "memory.max": f"{4 * GB}\n",
            "memory.current": f"{3 * GB}",
            "memory.stat": f"anon 5\ninactive_file {GB}",
        }
        self.assertEqual(self.free("0::/", files), 2 * GB)

    def test_limit_of_a_group_around_counts_and_no_limit_does_not(self) -> None:
        around = {"a/memory.max": f"{2 * GB}", "a/memory.current": f"{GB}", "a/memory.stat": "inactive_file 0"}
        self.assertEqual(self.free("0::/a/b", {**around, "a/b/memory.max": "max"}), GB)

    def test_limit_of_version_1(self) -> None:
        files = {
            "memory/memory.limit_in_bytes": f"{4 * GB}",
            "memory/memory.usage_in_bytes": f"{3 * GB}",
            "memory/memory.stat": f"inactive_file 1\ntotal_inactive_file {GB}\n",
        }
        self.assertEqual(self.free("3:memory:/a\n2:cpu:/x", files), 2 * GB)
        self.assertEqual(self.free("3:memory:/", {"memory/memory.limit_in_bytes": f"{2**63 - 4096}"}), 8 * GB)

    def test_used_beyond_the_limit_is_none_free(self) -> None:
        files = {"memory.max": "5", "memory.current": "9", "memory.stat": "inactive_file 0"}
        self.assertEqual(self.free("0::/", files), 0)

    def test_unknown_where_nothing_says(self) -> None:
        for meminfo in (None, "", "MemAvailable: many kB", "garbage"):
            self.assertIsNone(self.free("0::/", {"memory.max": "garbage"}, meminfo))


class WorkersTests(FolderTestCase):
    def model(self, size: int) -> Path:
        path = self.folder / "model.onnx"
        with path.open("wb") as file:
            file.truncate(size)
        return path

    def workers(self, free: int | None, size: int = 88 << 20, cores: int = 16) -> int:
        with (
            patch.object(throughput, "allowed_cores", lambda: cores),
            patch.object(throughput, "free_memory", lambda: free),
        ):
            return workers_for(self.model(size))

    def test_one_per_core_where_memory_is_plenty_or_unknown(self) -> None:
        with self.assertNoLogs("core_engine"):
            self.assertEqual(self.workers(64 * GB), 16)
            self.assertEqual(self.workers(None), 16)
            self.assertEqual(self.workers(0, cores=1), 1)

    def test_fewer_where_memory_is_short_with_a_line_that_says_so(self) -> None:
        with self.assertLogs("core_engine", "WARNING") as logs:
            self.assertEqual(self.workers(4 * GB), 8)
        self.assertIn("8 of 16 cores speak: 4096 MB of memory are free", logs.output[0])

    def test_at_least_one(self) -> None:
        with self.assertLogs("core_engine", "WARNING"):
            self.assertEqual(self.workers(0), 1)

    def test_runs_of_small_models_need_less(self) -> None:
        self.assertLess(run_bytes(self.model(4 << 20)), run_bytes(self.model(88 << 20)))
        self.assertEqual(self.workers(4 * GB, size=4 << 20), 16)
