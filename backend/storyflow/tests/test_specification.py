"""docs/specification.md names tests that exist, and a run of all tests fails when one of them was left out."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from storyflow.tests.specified import BACKEND, NEEDS, PAGE, is_written, not_run, read_page

BOXES = read_page(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("node", sorted({test.node for box in BOXES for test in box.tests}))
def test_test_that_holds_a_box_exists(node: Any) -> None:
    assert is_written(node)


def test_every_box_is_held_by_a_test_or_says_why_not() -> None:
    for box in BOXES:
        assert box.section
        assert box.tests or any(remark.startswith("- No test") for remark in box.remarks), box.text


def test_what_a_test_needs_is_one_of_few_things() -> None:
    assert {test.needs for box in BOXES for test in box.tests} <= NEEDS | {None}


def test_test_that_does_not_exist_is_found() -> None:
    file = "storyflow/tests/test_specification.py"
    assert is_written(f"{file}::test_test_that_does_not_exist_is_found")
    for node in (f"{file}::test_gone", f"{file}::BOXES", "storyflow/tests/test_gone.py::test_x", f"{file}::A::test_b"):
        assert not is_written(node)


def test_line_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="neither a test nor a remark"):
        read_page("## The voice\n### 8.1\n- A box\n  - test_somewhere")


def test_tests_that_need_nothing_have_to_run() -> None:
    boxes = read_page(
        "## The voice\n### 8.1\n- A box\n  - `a.py::test_a`\n  - `a.py::B::test_b`\n  - `a.py::test_c`, needs pip"
    )
    assert not_run(boxes, ["a.py::test_a[1]", "a.py::B::test_b"]) == []
    assert not_run(boxes, ["a.py::B::test_b"]) == ["a.py::test_a"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 1),
        (["-p", "xdist", "-n", "2"], 1),
        (["-m", "not slow"], 1),
        (["-k", "test_one"], 0),
        (["-m", "slow"], 0),
        (["backend/test_few.py"], 0),
    ],
    ids=["all", "all, in two workers", "all but the slow", "by name", "the slow", "by path"],
)
def test_run_of_all_tests_fails_without_those_that_are_named(tmp_path: Path, options: Any, code: int) -> None:
    """A project with two tests, where nothing that the page names can run."""
    settings = '[pytest]\ntestpaths = backend\nmarkers =\n    slow: "x"\n'
    (tmp_path / "pytest.ini").write_text(settings)
    (tmp_path / "backend").mkdir()
    (tmp_path / "backend" / "conftest.py").write_text((BACKEND / "conftest.py").read_text(encoding="utf-8"))
    tests = "import pytest\ndef test_one(): pass\n@pytest.mark.slow\ndef test_two(): pass\n"
    (tmp_path / "backend" / "test_few.py").write_text(tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(BACKEND), "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, done.stdout
    assert ("named by docs/specification.md, but did not run" in done.stdout) == bool(code)


PRINTED = {
    "The voice": {
        "8.1 Model Loader": 7,
        "8.2 TTS Wrapper": 7,
        "8.3 Audio Utilities": 9,
        "8.4 Voice Handling": 4,
        "8.5 File Storage": 4,
        "8.6 Graceful Degradation": 4,
        "8.7 Dependencies": 3,
        "8.8 Tests": 7,
    },
    "The model loader": {"Validation": 7},
    "The engines": {
        "Checklist: Server Implementation (server.py)": 5,
        "Checklist: Dockerfile": 5,
        "Checklist: .dockerignore": 1,
    },
}
"""How many boxes the specifications print in each of their lists."""


@pytest.mark.parametrize("document", PRINTED)
def test_page_has_as_many_boxes_as_the_specification_prints(document: Any) -> None:
    held = Counter(box.section for box in BOXES if box.document.startswith(document))
    assert {section: held[section] for section in PRINTED[document]} == PRINTED[document]
