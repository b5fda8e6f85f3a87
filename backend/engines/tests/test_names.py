"""The grammar of names, and paths that stay inside."""

from pathlib import Path

import pytest

from engines.store.names import InvalidNameError, OutsideRootError, checked_name, is_name, path_inside


@pytest.mark.parametrize("name", ["a", "0", "_", "xtts-v2", "kokoro-v0_19", "a.b", "A" * 128, "console", "com10"])
def test_name_is_accepted(name: str) -> None:
    assert is_name(name)
    assert checked_name(name, "model") == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "a\\b", "/a", "a\0", "-a", ".a", "a.", "a b", "a\n", "é", "A" * 129, "con", "CON.txt",
     "LPT9", "nul.tar.gz", "C:", None, 7, b"a", ["a"]],
)  # fmt: skip
def test_name_is_refused_and_its_kind_is_named(name: str | int | bytes | list[str] | None) -> None:
    assert not is_name(name)
    with pytest.raises(InvalidNameError, match="Invalid model name"):
        checked_name(name, "model name")


def test_refusal_of_a_huge_name_is_short() -> None:
    for name in ("x" * 1_000_000, [0] * 100_000, 10**6000):
        with pytest.raises(InvalidNameError) as refusal:
            checked_name(name, "sample")
        assert len(str(refusal.value)) < 300


def test_path_inside_follows_links_that_stay(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert path_inside(tmp_path, "link", "new") == tmp_path / "link" / "new"


@pytest.mark.parametrize("destination", ["/", "..", "../outside"])
def test_path_inside_refuses_links_that_leave(tmp_path: Path, destination: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(destination)
    with pytest.raises(OutsideRootError):
        path_inside(root, "link", "file")


@pytest.mark.parametrize("part", ["..", "a\0b", "/etc"])
def test_path_inside_refuses_parts_that_leave(tmp_path: Path, part: str) -> None:
    with pytest.raises(OutsideRootError):
        path_inside(tmp_path, part)


def test_path_inside_stays_calm_over_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    try:
        assert path_inside(tmp_path, "a") == tmp_path / "a"  # Python 3.13 resolves it to itself
    except OutsideRootError as error:
        if "cannot be resolved" not in str(error):
            raise
