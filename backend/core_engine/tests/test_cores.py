"""Allowed cores: affinity and CPU quotas of control groups, on trees made for the test."""

import os
from typing import Any
from unittest.mock import patch

from core_engine.kokoro.model.cores import allowed_cores
from core_engine.tests.support import FolderTestCase, control_group_files


class AllowedCoresTests(FolderTestCase):
    def allowed(self, membership: Any, files: Any, machine: int = 8) -> Any:
        with (
            control_group_files(self.folder, membership, files),
            patch.object(os, "sched_getaffinity", lambda _: set(range(machine)), create=True),
        ):
            return allowed_cores()

    def test_quota_of_version_2(self) -> None:
        for text, expected in (("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("max 100000", 8)):
            self.assertEqual(self.allowed("0::/", {"cpu.max": text}), expected)

    def test_quota_of_a_group_around_counts_in_version_2(self) -> None:
        files = {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}
        self.assertEqual(self.allowed("0::/a/b", files), 3)

    def test_quota_of_version_1(self) -> None:
        files = {"cpu,cpuacct/a/cpu.cfs_quota_us": "400000", "cpu,cpuacct/a/cpu.cfs_period_us": "100000"}
        self.assertEqual(self.allowed("3:cpu,cpuacct:/a/b\n2:memory:/x", files), 4)

    def test_no_quota_of_version_1(self) -> None:
        files = {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}
        self.assertEqual(self.allowed("1:cpu:/", files), 8)

    def test_affinity_counts_where_the_quota_is_larger(self) -> None:
        self.assertEqual(self.allowed("0::/", {"cpu.max": "400000 100000"}, machine=1), 1)

    def test_damaged_trees_are_skipped(self) -> None:
        for text in ("", "garbage", "100000 0", "x y", "100000"):
            self.assertEqual(self.allowed("0::/", {"cpu.max": text}), 8)
        self.assertEqual(self.allowed("garbage\n\n:", {}), 8)
