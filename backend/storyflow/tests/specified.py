"""docs/specification.md as data: every box of the specifications and the tests that hold it."""

import ast
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

BACKEND = Path(__file__).resolve().parents[2]
PAGE = BACKEND.parent / "docs" / "specification.md"
NEEDS = frozenset(["an image builder", "the configured model", "pip"])
"""What a test may need that a machine need not have; without it, the test is skipped."""

_TEST = re.compile(r"  - `([\w/-]+\.py(?:::\w+)+)`(?:, needs (.+))?")
_REMARK = re.compile(r"  - (Departure|No test): (.+)")


@dataclass(frozen=True)
class HeldBy:
    """One test, and what it cannot do without."""

    node: str  # below backend/, e.g. faults/test_threads.py::test_quota
    needs: str | None


@dataclass(frozen=True)
class Box:
    """One thing that the specifications ask for."""

    document: str
    section: str
    text: str
    tests: tuple[HeldBy, ...]
    remarks: tuple[str, ...]


def read_page(text: str) -> list[Box]:
    """Return the boxes of the page in their order; raise ValueError for a line that is none of its forms."""
    boxes: list[Box] = []
    document = section = ""
    for line in text.splitlines():
        if line.startswith("## "):
            document, section = line[3:], ""
        elif line.startswith("### "):
            section = line[4:]
        elif document and line.startswith("- "):
            boxes.append(Box(document, section, line[2:], (), ()))
        elif document and line.startswith("  "):
            boxes.append(_with_line(boxes.pop(), line))
    return boxes


def is_written(node: str) -> bool:
    """Tell whether the test `node` is in its file."""
    file, *names = node.split("::")
    path = BACKEND / file
    return path.is_file() and tuple(names) in _tests_in(path)


def not_run(boxes: Iterable[Box], ran: Iterable[str]) -> list[str]:
    """Return the tests that hold a box, need nothing special, and are not among those that ran."""
    named = {test.node for box in boxes for test in box.tests if not test.needs}
    return sorted(named - {node.partition("[")[0] for node in ran})


def _with_line(box: Box, line: str) -> Box:
    if test := _TEST.fullmatch(line):
        held = HeldBy(test[1], test[2])
        return Box(box.document, box.section, box.text, (*box.tests, held), box.remarks)
    if remark := _REMARK.fullmatch(line):
        return Box(box.document, box.section, box.text, box.tests, (*box.remarks, remark[0].strip()))
    raise ValueError(f"neither a test nor a remark: {line!r}")


@functools.cache
def _tests_in(path: Path) -> frozenset[tuple[str, ...]]:
    """Return the tests of a file as (function,) and (class, method)."""
    found: set[tuple[str, ...]] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add((node.name,))
        elif isinstance(node, ast.ClassDef):
            found |= {(node.name, inner.name) for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return frozenset(names for names in found if names[-1].startswith("test"))
