"""The house, measured from the imports themselves: which folder knows which."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

BACKEND = Path(__file__).resolve().parents[2]
_NO_ROOMS = frozenset(["tests", "venv", "build", "__pycache__"])


def sources() -> Iterator[Path]:
    for path in sorted(BACKEND.rglob("*.py")):
        inside = path.relative_to(BACKEND)
        if not _NO_ROOMS.intersection(inside.parts) and inside.parts[0] != "faults":
            yield inside


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse((BACKEND / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def file_of(module: str) -> Path | None:
    """Return the file that `module`, or what it is an attribute of, lies in; None for one that is not ours."""
    for name in (module, module.rpartition(".")[0]):
        path = Path(f"{name.replace('.', '/')}.py")
        if (BACKEND / path).is_file():
            return path
    return None


@pytest.fixture(scope="module")
def arrows() -> dict[str, set[str]]:
    """Folder → the other folders that its files import from."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sources():
        for module in imported_modules(path):
            target = file_of(module)
            if target and target.parent != path.parent:
                found[path.parent.as_posix()].add(target.parent.as_posix())
    return found


def reached(arrows: dict[str, set[str]], folder: str) -> set[str]:
    seen: set[str] = set()
    waiting = [folder]
    while waiting:
        new = arrows.get(waiting.pop(), set()) - seen
        seen |= new
        waiting += new
    return seen


def test_rooms_have_arrows_one_way_only(arrows: dict[str, set[str]]) -> None:
    assert len(arrows) > 20
    assert [folder for folder in arrows if folder in reached(arrows, folder)] == []


def test_store_knows_nobody(arrows: dict[str, set[str]]) -> None:
    assert arrows.get("engines/store", set()) == set()


def test_core_engine_enters_the_engines_by_one_door(arrows: dict[str, set[str]]) -> None:
    outside = {
        target
        for folder, targets in arrows.items()
        if folder.split("/")[0] == "core_engine"
        for target in targets
        if target.split("/")[0] != "core_engine"
    }
    assert outside == {"engines/store"}


def test_kokoro_and_reading_know_nothing_above_them(arrows: dict[str, set[str]]) -> None:
    for room in ("model", "speech", "text", "voice"):
        above = reached(arrows, f"core_engine/kokoro/{room}") - {"core_engine/reading", "engines/store"}
        assert all(folder.startswith("core_engine/kokoro") for folder in above)
    assert arrows.get("core_engine/reading", set()) == set()
