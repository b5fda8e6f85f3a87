"""What an engine finds, refuses, downloads and loads."""

import hashlib
import json
import logging
import os
import random
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.downloading.downloadable import DownloadableModel, RemoteFile, downloadable_models
from engines.downloading.policy import DownloadError, DownloadPolicy
from engines.models import ModelNotFoundError, ModelStore
from engines.store.manifest import NAME, DamagedModelError
from engines.store.names import InvalidNameError
from engines.tests.file_server import FileServer, file_server
from engines.tests.test_entrypoint import model

WEIGHTS = random.Random(4).randbytes(50_000)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "engine"
    (folder / "models").mkdir(parents=True)
    (folder / "external_models").mkdir()
    return folder


def is_complete(path: Path) -> bool:
    return path.is_file() or (path / "model.bin").is_file()


def store_of(base: Path, **more: Any) -> ModelStore:
    return ModelStore(base, suffixes=(".pt",), is_complete=is_complete, **more)


def remote(path: str, content: bytes = WEIGHTS) -> RemoteFile:
    return RemoteFile(path, f"https://example.org/{path}", len(content), hashlib.sha256(content).hexdigest())


TONE = DownloadableModel("tone", (remote("model.bin"), remote("config.json", b"{}")))
BASE = DownloadableModel("base", (remote("base.pt"),), is_folder=False)
SERVED = {"/tone/model.bin": WEIGHTS, "/tone/config.json": b"{}", "/base.pt": WEIGHTS}


def downloading_store(base: Path, server: FileServer, **more: Any) -> ModelStore:
    policy = DownloadPolicy(mirror=server.url, retry_wait_s=0.01)
    return store_of(base, downloadable={"tone": TONE, "base": BASE}, policy=policy, **more)


# Finding


def test_making_a_store_touches_nothing(tmp_path: Path) -> None:
    ModelStore(tmp_path / "engine")
    assert not (tmp_path / "engine").exists()


def test_prepare_makes_the_folders(tmp_path: Path) -> None:
    store_of(tmp_path / "engine").prepare()
    assert {path.name for path in (tmp_path / "engine").iterdir()} == {"models", "external_models"}


def test_available_lists_the_default_first_and_sorts_the_rest(base: Path) -> None:
    model(base / "models", "b", "default", "a")
    model(base / "external_models", "c")
    assert store_of(base).available() == ["default", "a", "b", "c"]
    assert store_of(base, default_model="c").available() == ["c", "a", "b", "default"]


def test_available_names_single_files_without_their_suffix(base: Path) -> None:
    (base / "models/base.pt").write_bytes(b"weights")
    (base / "external_models/small.pt").write_bytes(b"weights")
    (base / "external_models/readme.txt").write_bytes(b"no model")
    store = store_of(base)
    assert store.available() == ["base", "small"]
    assert store.path_of("small") == base / "models/small.pt"


def test_available_leaves_out_what_cannot_be_loaded(base: Path) -> None:
    for folder in ("models", "external_models"):
        model(base / folder, ".hidden", "lost+found", "half.part", "my model")
        (base / folder / f"empty-{folder}").mkdir()
        (base / folder / f"incomplete-{folder}").mkdir()
        (base / folder / f"incomplete-{folder}/config.json").write_bytes(b"{}")
        (base / folder / f"empty-{folder}.pt").touch()
        (base / folder / f"half-{folder}.pt.part").write_bytes(b"half")
    assert store_of(base).available() == []


def test_available_lists_a_name_once_and_the_baked_in_wins(base: Path) -> None:
    model(base / "models", "base")
    (base / "external_models/base.pt").write_bytes(b"weights")
    store = store_of(base)
    assert store.available() == ["base"]
    assert store.path_of("base") == base / "models/base"


def test_baked_in_file_wins_over_a_mounted_folder(base: Path) -> None:
    model(base / "external_models", "base")
    (base / "models/base.pt").write_bytes(b"weights")
    assert store_of(base).path_of("base") == base / "models/base.pt"


def test_available_survives_an_engine_whose_check_raises(base: Path, caplog: pytest.LogCaptureFixture) -> None:
    model(base / "models", "default", "odd")

    def check(path: Path) -> bool:
        if path.name == "odd":
            raise KeyError("voices")
        return True

    assert ModelStore(base, is_complete=check).available() == ["default"]
    assert "odd" in caplog.text


def test_available_finds_what_is_mounted_later(base: Path) -> None:
    store = store_of(base)
    assert store.available() == []
    model(base / "external_models", "later")
    assert store.available() == ["later"]


def test_available_without_any_folder_is_empty(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file in the way")
    assert ModelStore(tmp_path).available() == []


# Row 11: links


def test_dangling_link_is_not_listed_and_works_again_when_its_target_is_back(base: Path) -> None:
    store = store_of(base)
    model(base / "external_models", "custom")
    assert store.available() == ["custom"]
    shutil.move(base / "external_models/custom", base / "away")
    assert store.available() == []
    with pytest.raises(ModelNotFoundError):
        store.path_of("custom")
    shutil.move(base / "away", base / "external_models/custom")
    assert store.available() == ["custom"]


def test_dangling_link_to_another_place_is_repaired(base: Path) -> None:
    (base / "models/custom").symlink_to("/app/external_models/custom")
    store = store_of(base)
    assert store.available() == []
    model(base / "external_models", "custom")
    assert store.available() == ["custom"]
    assert (base / "models/custom").readlink() == base / "external_models/custom"


@pytest.mark.parametrize(
    "lay",
    [
        lambda base, out: (base / "models/m").symlink_to(out),
        lambda base, out: (base / "models/m.pt").symlink_to(out / "model.bin"),
        lambda base, out: (base / "external_models/m").symlink_to(out),
        lambda base, out: (base / "external_models/m.pt").symlink_to("../../out/model.bin"),
        lambda base, out: (base / "models/m").symlink_to(base / "models"),
        lambda base, out: (base / "models/m").symlink_to(".."),
        lambda base, out: (base / "models/m").symlink_to("m"),
        lambda base, out: link_inside(base, "model.bin", out / "model.bin"),
        lambda base, out: link_inside(base, "voices", out),
        lambda base, out: link_inside(base, "up", base.parent),
        lambda base, out: chain(base, out),
        lambda base, out: directory_for_a_file(base),
    ],
    ids=[
        "folder outside",
        "file outside",
        "external folder outside",
        "external file outside",
        "models itself",
        "parent",
        "cycle",
        "file in a folder outside",
        "folder in a folder outside",
        "parent in a folder",
        "over another model",
        "directory for a file",
    ],
)
def test_link_never_leads_out(base: Path, lay: Callable[..., Any]) -> None:
    out = base.parent / "out"
    model(base.parent, "out")
    lay(base, out)
    store = store_of(base)
    assert store.available() == []
    with pytest.raises(ModelNotFoundError):
        store.obtain("m")


def link_inside(base: Path, name: str, target: Path) -> None:
    model(base / "external_models", "m")
    (base / "external_models/m" / name).unlink(missing_ok=True)
    (base / "external_models/m" / name).symlink_to(target)


def chain(base: Path, out: Path) -> None:
    (base / "external_models/.store").mkdir()
    (base / "external_models/.store/deep").symlink_to(out)
    link_inside(base, "deep", base / "external_models/.store")


def directory_for_a_file(base: Path) -> None:
    (base / "models/m.pt").mkdir()


def test_links_between_models_and_within_a_model_are_followed(base: Path) -> None:
    model(base / "models", "default")
    (base / "models/latest").symlink_to("default")
    model(base / "external_models", ".blobs", "custom")
    (base / "external_models/custom/voices").symlink_to("../.blobs")
    (base / "external_models/custom/again").symlink_to(".")
    assert store_of(base).available() == ["default", "custom", "latest"]


# Names


def test_path_of_says_what_there_is(base: Path) -> None:
    model(base / "models", "default")
    with pytest.raises(ModelNotFoundError, match=r"'xtts'.*Available: default\. Downloadable: base, tone\."):
        store_of(base, downloadable={"tone": TONE, "base": BASE}).path_of("xtts")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../default", "/etc", "a/b", "a\\b", "a\0b", "con", "x" * 129, None, 7, []]
)
def test_hostile_names_are_refused(base: Path, name: str | int | list[Any] | None) -> None:
    model(base / "models", "default")
    store = store_of(base)
    for ask in (store.path_of, store.obtain):
        with pytest.raises(InvalidNameError, match="model name"):
            ask(name)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(), st.binary(), st.none(), st.integers(), st.from_regex(r"[./a-z\\-]{1,20}")))
def test_any_name_is_refused_or_not_found(base: Path, name: str) -> None:
    with pytest.raises((InvalidNameError, ModelNotFoundError)):
        store_of(base).obtain(name)


def test_loadable_is_what_is_there_and_what_can_be_fetched(base: Path) -> None:
    model(base / "models", "default")
    assert store_of(base, downloadable={"tone": TONE}).loadable() == ["default", "tone"]


# Downloading


def test_obtain_downloads_to_external_and_links(base: Path) -> None:
    with file_server(dict(SERVED)) as server:
        store = downloading_store(base, server)
        path = store.obtain("tone")
    assert path == base / "models/tone"
    assert path.readlink() == base / "external_models/tone"
    assert (path / "model.bin").read_bytes() == WEIGHTS
    assert store.available() == ["tone"]


def test_obtain_downloads_a_single_file(base: Path) -> None:
    with file_server(dict(SERVED)) as server:
        store = downloading_store(base, server)
        assert store.obtain("base") == base / "models/base.pt"
    assert (base / "models/base.pt").read_bytes() == WEIGHTS
    assert store.available() == ["base"]


def test_downloaded_model_is_there_after_the_container_is_gone(base: Path) -> None:
    with file_server(dict(SERVED)) as server:
        downloading_store(base, server).obtain("tone")
        shutil.rmtree(base / "models")
        server.asked.clear()
        fresh = downloading_store(base, server)
        assert fresh.available() == ["tone"]
        assert fresh.obtain("tone") == base / "models/tone"
        assert server.asked == []


def test_obtain_prefers_the_baked_in_and_asks_nobody(base: Path) -> None:
    model(base / "models", "tone")
    with file_server(dict(SERVED)) as server:
        assert (downloading_store(base, server).obtain("tone") / "model.bin").read_bytes() == b"weights"
        assert server.asked == []


def test_obtain_uses_what_is_mounted_and_asks_nobody(base: Path) -> None:
    model(base / "external_models", "tone")
    with file_server(dict(SERVED)) as server:
        assert (downloading_store(base, server).obtain("tone") / "model.bin").read_bytes() == b"weights"
        assert server.asked == []


def test_obtain_does_not_overwrite_an_incomplete_model_of_the_user(base: Path) -> None:
    (base / "external_models/tone").mkdir()
    (base / "external_models/tone/notes.txt").write_text("mine")
    with file_server(dict(SERVED)) as server, pytest.raises(DownloadError, match="incomplete"):
        downloading_store(base, server).obtain("tone")
    assert (base / "external_models/tone/notes.txt").read_text() == "mine"


def test_two_servers_that_share_a_folder_download_once(base: Path) -> None:
    other = base.parent / "other"
    other.mkdir()
    (other / "external_models").symlink_to(base / "external_models")
    with file_server(dict(SERVED)) as server:
        stores = [downloading_store(folder, server) for folder in (base, other) for _ in range(3)]
        threads = [threading.Thread(target=store.obtain, args=("tone",)) for store in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.asked) == 2, "one request for each of the two files"
    assert [store.available() for store in stores] == [["tone"]] * 6


def test_failed_download_lists_nothing_and_can_be_repeated(base: Path) -> None:
    with file_server({"/tone/model.bin": WEIGHTS}) as server:
        store = downloading_store(base, server)
        with pytest.raises(DownloadError, match=r"config\.json.*404"):
            store.obtain("tone")
        assert store.available() == []
        server.files.update(SERVED)
        server.asked.clear()
        store.obtain("tone")
        assert [path for path, _ in server.asked] == ["/tone/config.json"]


def test_folder_that_cannot_be_made_costs_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    model(tmp_path / "models", "default")
    (tmp_path / "external_models").symlink_to("/proc/1/no-such-place")
    with file_server(dict(SERVED)) as server:
        store = downloading_store(tmp_path, server)
        assert [store.available() for _ in range(3)] == [["default"]] * 3
        assert store.obtain("default") == tmp_path / "models/default"
        assert len(caplog.records) == 1
        assert "baked-in" in caplog.text
        with pytest.raises(DownloadError, match="writable folder"):
            store.obtain("tone")


def test_models_that_cannot_be_linked_cost_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING)
    model(tmp_path / "models", "default")
    model(tmp_path / "external_models", "custom")

    def refuse(*_arguments: object, **_more: object) -> None:
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(Path, "symlink_to", refuse)
    store = store_of(tmp_path)
    assert [store.available() for _ in range(3)] == [["default"]] * 3
    assert len(caplog.records) == 1
    assert "Read-only file system" in caplog.text


# Row 9: bit rot


def harm(path: Path, chance: random.Random) -> str:
    data = bytearray(path.read_bytes())
    kind = chance.choice(["flip", "truncation", "zeros", "gone"] if path.suffix == ".bin" else ["flip", "truncation"])
    where = chance.randrange(len(data))
    if kind == "flip":
        data[where] ^= 1 << chance.randrange(8)
    elif kind == "truncation":
        del data[where:]
    elif kind == "zeros":
        where = min(where, len(data) - 64)
        data[where : where + 64] = bytes(64)
    times = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    if kind == "gone":
        path.unlink()
    return kind


@pytest.mark.parametrize("name", ["tone", "base"])
def test_100_damages_are_all_found_before_loading(base: Path, name: str) -> None:
    chance = random.Random(5)
    with file_server(dict(SERVED)) as server:
        downloading_store(base, server).obtain(name)
    external = base / "external_models"
    shutil.copytree(external, base / "good")
    found = [path for path in external.rglob("*") if path.is_file()]
    files = [path.relative_to(external) for path in found if not path.name.endswith("verified.json")]
    assert len(files) == {"tone": 3, "base": 2}[name]
    store = store_of(base)
    for i in range(100):
        shutil.rmtree(external)
        shutil.copytree(base / "good", external)
        kind = harm(external / files[i % len(files)], chance)
        with pytest.raises((DamagedModelError, ModelNotFoundError)):
            pytest.fail(f"loaded after {kind} of {files[i % len(files)]}: {store.obtain(name)}")


def test_damaged_download_is_fetched_again(base: Path) -> None:
    with file_server(dict(SERVED)) as server:
        store = downloading_store(base, server)
        weights = store.obtain("tone") / "model.bin"
        harm(weights, random.Random(6))
        assert (store.obtain("tone") / "model.bin").read_bytes() == WEIGHTS
        assert [path for path, _ in server.asked] == ["/tone/model.bin", "/tone/config.json", "/tone/model.bin"]


@pytest.mark.parametrize("target", ["/etc", "/nowhere"])
def test_link_out_of_the_external_models_is_said_once(
    base: Path, caplog: pytest.LogCaptureFixture, target: str
) -> None:
    (base / "external_models" / "mine").symlink_to(target)
    store = store_of(base)
    assert [store.available() for _ in range(3)] == [[], [], []]
    (line,) = caplog.messages
    assert line.startswith("Skipped ")
    assert "mine': it is a dangling link, or leads outside " in line


def test_damaged_model_that_is_baked_in_is_refused_and_left_alone(base: Path) -> None:
    with file_server(dict(SERVED)) as server:
        downloading_store(base, server).obtain("tone")
        (base / "models/tone").unlink()
        (base / "external_models/tone").rename(base / "models/tone")
        harm(base / "models/tone/model.bin", random.Random(8))
        server.asked.clear()
        with pytest.raises(DamagedModelError):
            downloading_store(base, server).obtain("tone")
        assert server.asked == []


def test_truncated_download_is_not_listed_and_says_why(base: Path) -> None:
    with file_server(dict(SERVED)) as server:
        downloading_store(base, server).obtain("tone")
    (base / "external_models/tone/model.bin").write_bytes(WEIGHTS[:-1])
    store = store_of(base)
    assert store.available() == []
    with pytest.raises(DamagedModelError, match=r"model\.bin"):
        store.obtain("tone")


def test_manifest_cannot_name_files_outside(base: Path) -> None:
    model(base / "external_models", "m")
    outside = base.parent / "outside"
    outside.write_bytes(b"x")
    entry = {"path": "../../../outside", "size": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
    manifest = {"format": "storyflow-model/1", "files": [entry]}
    (base / "external_models/m" / NAME).write_text(json.dumps(manifest, indent=1) + "\n")
    store = store_of(base)
    assert store.available() == []
    with pytest.raises(DamagedModelError, match="not a valid manifest"):
        store.obtain("m")


def test_manifests_of_other_tools_are_not_ours(base: Path) -> None:
    model(base / "external_models", "m")
    (base / "external_models/m/manifest.json").write_text("not JSON")
    assert store_of(base).obtain("m") == base / "models/m"


# Declaring downloads in engine.yaml


def declared(**changes: object) -> list[dict[str, object]]:
    file = {"path": "model.bin", "url": "https://example.org/x", "size": 3, "sha256": "0" * 64}
    return [{"name": "default"}, {"name": "tone", "download": [{**file, **changes}]}]


def test_downloadable_models_reads_folders_and_single_files() -> None:
    file: dict[str, Any] = {"path": "base.pt", "url": "https://example.org/x", "size": 3, "sha256": "0" * 64}
    models = downloadable_models([*declared(), {"name": "base", "download": file}])
    assert models == {
        "tone": DownloadableModel("tone", (RemoteFile("model.bin", "https://example.org/x", 3, "0" * 64),)),
        "base": DownloadableModel(
            "base", (RemoteFile("base.pt", "https://example.org/x", 3, "0" * 64),), is_folder=False
        ),
    }
    assert (models["tone"].entry_name, models["base"].entry_name, models["tone"].size) == ("tone", "base.pt", 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "../x"},
        {"path": "/x"},
        {"path": ""},
        {"path": 3},
        {"path": NAME},
        {"url": "http://example.org/x"},
        {"url": "file:///etc/passwd"},
        {"url": None},
        {"size": 0},
        {"size": -1},
        {"size": True},
        {"size": "3"},
        {"sha256": "0" * 63},
        {"sha256": "A" * 64},
        {"sha256": None},
    ],
    ids=str,
)
def test_downloadable_models_refuses(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="tone"):
        downloadable_models(declared(**changes))


def test_downloadable_models_refuses_a_single_file_of_another_name() -> None:
    file = {"path": "other.pt", "url": "https://example.org/x", "size": 3, "sha256": "0" * 64}
    with pytest.raises(ValueError, match="'base' with a suffix"):
        downloadable_models([{"name": "base", "download": file}])
