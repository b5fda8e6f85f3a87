"""The entrypoint of the images, and that a server without a container links by the same rules."""

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import engines
from engines.store import links

ENTRYPOINT = Path(engines.__file__).parent / "scripts/docker-entrypoint.sh"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="containers are not Windows")


def model(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "model.bin").write_bytes(b"weights")


def lay_folder(root: Path) -> None:
    model(root / "external_models", "custom")


def lay_readme(root: Path) -> None:
    model(root / "external_models", "custom")
    for name in ("README.md", "readme.txt", "ReadMe"):
        (root / "external_models" / name).write_text("What belongs here.")


def lay_several(root: Path) -> None:
    model(root / "external_models", "b", "a", "c")


def lay_file(root: Path) -> None:
    (root / "external_models/base.pt").write_bytes(b"weights")


def lay_baked_in(root: Path) -> None:
    model(root / "models", "default")
    model(root / "external_models", "default", "custom")


def lay_baked_in_file(root: Path) -> None:
    (root / "models/base.pt").write_bytes(b"baked")
    (root / "external_models/base.pt").write_bytes(b"mounted")


def lay_empty_baked_in(root: Path) -> None:
    (root / "models/default").mkdir()
    model(root / "external_models", "default")


def lay_linked_before(root: Path) -> None:
    model(root / "external_models", "custom")
    (root / "models/custom").symlink_to(root / "external_models/custom")


def lay_moved_target(root: Path) -> None:
    model(root / "external_models", "custom")
    (root / "models/custom").symlink_to(root / "old_place/custom")


def lay_file_moved_target(root: Path) -> None:
    (root / "external_models/base.pt").write_bytes(b"weights")
    (root / "models/base.pt").symlink_to("/nowhere/base.pt")


def lay_unmounted(root: Path) -> None:
    (root / "models/custom").symlink_to(root / "external_models/custom")


def lay_other_target(root: Path) -> None:
    model(root / "external_models", "custom", "other")
    (root / "models/custom").symlink_to(root / "external_models/other")


def lay_cycle_in_models(root: Path) -> None:
    model(root / "external_models", "custom")
    (root / "models/custom").symlink_to("custom")


def lay_cycle_outside(root: Path) -> None:
    (root / "external_models/a").symlink_to("b")
    (root / "external_models/b").symlink_to("a")


def lay_to_outside(root: Path) -> None:
    model(root / "elsewhere", "secret")
    (root / "external_models/secret").symlink_to(root / "elsewhere/secret")


def lay_file_to_outside(root: Path) -> None:
    (root / "external_models/passwd").symlink_to("/etc/passwd")


def lay_to_itself(root: Path) -> None:
    (root / "external_models/all").symlink_to(".")


def lay_to_parent(root: Path) -> None:
    (root / "external_models/up").symlink_to("..")


def lay_sibling_prefix(root: Path) -> None:
    model(root / "external_models_old", "a")
    (root / "external_models/a").symlink_to(root / "external_models_old/a")


def lay_inner_link(root: Path) -> None:
    model(root / "external_models", "real")
    (root / "external_models/latest").symlink_to("real")


def lay_dangling_in_external(root: Path) -> None:
    (root / "external_models/gone").symlink_to("missing")


def lay_empty_folder(root: Path) -> None:
    (root / "external_models/empty").mkdir()


def lay_empty_file(root: Path) -> None:
    (root / "external_models/base.pt").touch()


def lay_half_downloaded(root: Path) -> None:
    (root / "external_models/base.pt.part").write_bytes(b"half")
    model(root / "external_models", "x.part", ".y.part")


def lay_only_halves_inside(root: Path) -> None:
    (root / "external_models/custom").mkdir()
    (root / "external_models/custom/model.bin.part").write_bytes(b"half")
    (root / "external_models/custom/.hidden").write_bytes(b"hidden")


def lay_hidden(root: Path) -> None:
    model(root / "external_models", ".cache", ".git")
    (root / "external_models/.DS_Store").write_bytes(b"x")


def lay_lost_and_found(root: Path) -> None:
    model(root / "external_models", "lost+found", "custom")


def lay_only_lost_and_found_inside(root: Path) -> None:
    (root / "external_models/disk/lost+found").mkdir(parents=True)


def lay_odd_names(root: Path) -> None:
    model(
        root / "external_models",
        "my model",
        "new\nline",
        "-rf",
        "--help",
        "*",
        "a;b",
        "$(id)",
        "ü",
        "good-1.0_x",
        "7b",
        "_own",
        "dot.",
    )


def lay_device_names(root: Path) -> None:
    model(root / "external_models", "con", "NUL.pt", "com1", "lpt9.x", "com0", "console")


def lay_long_names(root: Path) -> None:
    model(root / "external_models", "a" * 128, "b" * 129)


def lay_no_external(root: Path) -> None:
    (root / "external_models").rmdir()
    model(root / "models", "default")


def lay_no_models(root: Path) -> None:
    (root / "models").rmdir()
    model(root / "external_models", "custom")


def lay_nothing(root: Path) -> None:
    (root / "models").rmdir()
    (root / "external_models").rmdir()


def lay_external_is_a_file(root: Path) -> None:
    (root / "external_models").rmdir()
    (root / "external_models").write_bytes(b"x")


def lay_external_is_a_link(root: Path) -> None:
    (root / "external_models").rmdir()
    model(root / "disk", "custom")
    (root / "external_models").symlink_to(root / "disk")


def lay_pipe(root: Path) -> None:
    os.mkfifo(root / "external_models/pipe")


LAYOUTS: dict[Callable[[Path], None], set[str]] = {
    lay_folder: {"custom"},
    lay_readme: {"custom"},
    lay_several: {"a", "b", "c"},
    lay_file: {"base.pt"},
    lay_baked_in: {"custom"},
    lay_baked_in_file: set(),
    lay_empty_baked_in: set(),
    lay_linked_before: {"custom"},
    lay_moved_target: {"custom"},
    lay_file_moved_target: {"base.pt"},
    lay_unmounted: {"custom"},
    lay_other_target: {"custom", "other"},
    lay_cycle_in_models: {"custom"},
    lay_cycle_outside: set(),
    lay_to_outside: set(),
    lay_file_to_outside: set(),
    lay_to_itself: set(),
    lay_to_parent: set(),
    lay_sibling_prefix: set(),
    lay_inner_link: {"real", "latest"},
    lay_dangling_in_external: set(),
    lay_empty_folder: set(),
    lay_empty_file: set(),
    lay_half_downloaded: set(),
    lay_only_halves_inside: set(),
    lay_hidden: set(),
    lay_lost_and_found: {"custom"},
    lay_only_lost_and_found_inside: set(),
    lay_odd_names: {"good-1.0_x", "7b", "_own"},
    lay_device_names: {"com0", "console"},
    lay_long_names: {"a" * 128},
    lay_no_external: set(),
    lay_no_models: {"custom"},
    lay_nothing: set(),
    lay_external_is_a_file: set(),
    lay_external_is_a_link: {"custom"},
    lay_pipe: set(),
}


def shells() -> list[str]:
    return [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]


def start(root: Path, *command: str, shell: str = "sh", user: int | None = None) -> subprocess.CompletedProcess[str]:
    interpreter = [shell, "sh"] if shell == "busybox" else [shell]
    return subprocess.run(
        [*interpreter, str(ENTRYPOINT), *command],
        env={**os.environ, "ENTRYPOINT_ROOT": str(root)},
        capture_output=True,
        text=True,
        timeout=20,
        user=user,
    )


def links_in(folder: Path) -> dict[str, str]:
    """What is in `folder`: the targets of links, and what else is there."""
    if not folder.is_dir():
        return {}
    return {
        path.name: str(path.readlink()) if path.is_symlink() else ("folder" if path.is_dir() else "file")
        for path in folder.iterdir()
    }


def new_root(folder: Path, lay: Callable[[Path], None]) -> Path:
    for name in ("models", "external_models"):
        (folder / name).mkdir(parents=True)
    lay(folder)
    return folder


@pytest.fixture
def open_root() -> Iterator[Path]:
    """A root that other users can reach, unlike pytest's own folders."""
    root = Path(tempfile.mkdtemp(prefix="entrypoint-"))
    root.chmod(0o755)
    yield root
    shutil.rmtree(root)


@pytest.mark.parametrize("lay", LAYOUTS, ids=lambda lay: lay.__name__.removeprefix("lay_"))
def test_layout_is_linked_alike_by_entrypoint_and_subprocess(tmp_path: Path, lay: Any) -> None:
    """Row 24 of the reliability figures, and row 11 as far as links between the two folders go."""
    root = new_root(tmp_path / "app", lay)
    started = start(root, "echo", "server")
    assert (started.returncode, started.stderr) == (0, "")
    assert started.stdout.endswith("server\n")
    by_entrypoint = links_in(root / "models")
    assert {name for name, kind in by_entrypoint.items() if kind not in ("folder", "file")} == LAYOUTS[lay]

    shutil.rmtree(root)
    new_root(root, lay)
    links.prepare(root / "models", root / "external_models")
    assert links_in(root / "models") == by_entrypoint


@pytest.mark.parametrize("shell", shells())
@pytest.mark.parametrize("lay", LAYOUTS, ids=lambda lay: lay.__name__.removeprefix("lay_"))
def test_layout_is_linked_alike_by_every_shell_and_again(tmp_path: Path, lay: Any, shell: Any) -> None:
    root = new_root(tmp_path / "app", lay)
    first = start(root, "true", shell=shell)
    links = links_in(root / "models")
    second = start(root, "true", shell=shell)
    assert (first.returncode, first.stderr, second.returncode, second.stderr) == (0, "", 0, "")
    assert {name for name, kind in links.items() if kind not in ("folder", "file")} == LAYOUTS[lay]
    assert links_in(root / "models") == links
    assert "[entrypoint] Linked:" not in second.stdout


def test_entrypoint_says_what_it_linked_and_skipped_and_lists_the_models(tmp_path: Path) -> None:
    root = new_root(tmp_path, lay_baked_in)
    model(root / "external_models", "my model")
    (root / "external_models/empty").mkdir()
    assert start(root).stdout.splitlines() == [
        "[entrypoint] Linked: custom",
        "[entrypoint] Skipped: default (baked in)",
        "[entrypoint] Skipped: empty (empty, incomplete or unreadable)",
        "[entrypoint] Skipped: my?model (use letters, digits, '.', '_' and '-')",
        f"[entrypoint] Models in {root}/models:",
        f"[entrypoint]   custom -> {root}/external_models/custom",
        "[entrypoint]   default",
    ]


def test_entrypoint_becomes_the_server(tmp_path: Path) -> None:
    root = new_root(tmp_path, lay_folder)
    with subprocess.Popen(
        [ENTRYPOINT, "sh", "-c", "exec sleep 30"], env={**os.environ, "ENTRYPOINT_ROOT": str(root)}, stdout=-3
    ) as process:
        link = root / "models/custom"
        while not link.is_symlink() or Path(f"/proc/{process.pid}/comm").read_text().strip() != "sleep":
            assert process.poll() is None
        process.terminate()
    assert process.returncode == -15


def test_entrypoint_hands_on_arguments_environment_and_exit_code(tmp_path: Path) -> None:
    root = new_root(tmp_path, lay_folder)
    started = start(root, "sh", "-c", 'printf "%s|" "$@" "$LC_ALL"; exit 7', "name", "a b", "", "*", "new\nline")
    assert started.stdout.endswith(f"|a b||*|new\nline|{os.environ.get('LC_ALL', '')}|".removeprefix("|"))
    assert started.returncode == 7


def test_entrypoint_without_a_command_ends_well(tmp_path: Path) -> None:
    assert start(new_root(tmp_path, lay_folder)).returncode == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="becoming another user takes root")
@pytest.mark.parametrize("writable", [True, False], ids=["writable models", "unwritable models"])
def test_entrypoint_works_as_another_user(open_root: Path, writable: bool) -> None:
    root = new_root(open_root, lay_baked_in)
    (root / "models").chmod(0o777 if writable else 0o755)
    model(root / "external_models", "private")
    (root / "external_models/private").chmod(0o700)
    started = start(root, "echo", "server", user=65534)
    assert (started.returncode, started.stderr) == (0, "")
    assert ("[entrypoint] Linked: custom" in started.stdout) == writable
    assert ("Skipped: custom (cannot make a link" in started.stdout) != writable
    assert "Skipped: private" in started.stdout
    assert started.stdout.endswith("server\n")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="becoming another user takes root")
def test_entrypoint_copes_with_an_unreadable_mount(open_root: Path) -> None:
    root = new_root(open_root, lay_baked_in)
    (root / "external_models").chmod(0o700)
    started = start(root, "echo", "server", user=65534)
    assert (started.returncode, started.stderr) == (0, "")
    assert started.stdout.endswith("default\nserver\n")


def race_starts(root: Path, rounds: int) -> None:
    model(root / "external_models", *(f"m{i}" for i in range(5)))
    (root / "external_models/half").mkdir()
    environment = {**os.environ, "ENTRYPOINT_ROOT": str(root)}
    expected = {f"m{i}": str(root / f"external_models/m{i}") for i in range(5)}
    for i in range(rounds):
        shutil.rmtree(root / "models")
        (root / "models").mkdir()
        if i % 2:
            for name in expected:
                (root / "models" / name).symlink_to("/old/place")
        starts = [subprocess.Popen([ENTRYPOINT, "true"], env=environment, stdout=-3, stderr=-2) for _ in range(2)]
        assert [process.wait(20) for process in starts] == [0, 0]
        assert links_in(root / "models") == expected


def test_two_starts_share_one_models_folder(tmp_path: Path) -> None:
    race_starts(new_root(tmp_path, lambda _root: None), rounds=20)


@pytest.mark.slow
def test_two_starts_share_one_models_folder_200_times(tmp_path: Path) -> None:
    """Row 24 of the reliability figures."""
    race_starts(new_root(tmp_path, lambda _root: None), rounds=200)


def test_subprocess_starts_share_one_models_folder(tmp_path: Path) -> None:
    root = new_root(tmp_path, lay_several)
    problems: list[str] = []

    def prepare() -> None:
        problems.extend(links.prepare(root / "models", root / "external_models"))

    for i in range(100):
        for name in "abc":
            (root / "models" / name).unlink(missing_ok=True)
            if i % 2:
                (root / "models" / name).symlink_to("/old/place")
        threads = [threading.Thread(target=prepare) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(links_in(root / "models").values()) == {str(root / "external_models" / name) for name in "abc"}
    assert problems == []


def test_entrypoint_is_executable_and_for_any_shell() -> None:
    assert os.access(ENTRYPOINT, os.X_OK)
    assert ENTRYPOINT.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
