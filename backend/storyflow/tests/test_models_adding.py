"""Files that people already have: what they really are, what is installed of them, and what is said of the rest."""

import io
import json
import pickle
import random
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.kokoro.vocabulary import VOCABULARY, VOCABULARY_V1_0
from core_engine.model_paths import BUILT_IN, model_path
from engines.models import ModelStore
from engines.store.manifest import manifest_path, verify_model
from storyflow.models.adding import add
from storyflow.models.errors import RefusedModelError, WrongFileError
from storyflow.models.identify import ModelFile, VoicesFile, describe, identify
from storyflow.models.library import installed
from storyflow.models.registry import KnownFile, KnownModel, Published, Registry, load_registry
from storyflow.models.removing import remove

BUILT_IN_MODEL = model_path(BUILT_IN, Path())
BUILT_IN_VOICES = BUILT_IN_MODEL.with_name("voices.npz")
REGISTRY = load_registry()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The files of a model that nobody published, in the user's downloads."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    shutil.copy(BUILT_IN_MODEL, folder / "my export.onnx")
    shutil.copy(BUILT_IN_VOICES, folder / "voices.npz")
    return folder


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    """The folder that models are installed into; not there yet."""
    return tmp_path / "models"


def pack(rows: int = 511, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(0, 0.3, (rows, 1, 256)).astype(np.float32)


def voices_file(path: Path, rows: int = 511, names: tuple[str, ...] = ("af_bella", "bm_george")) -> Any:
    with path.open("wb") as file:
        np.savez(file, **{name: pack(rows) for name in names})
    return path


def with_notes(path: Path, vocabulary: Any) -> Any:
    """Write the built-in model with a configuration in its metadata, as newer exports carry it."""
    model = onnx.load(BUILT_IN_MODEL)
    note = model.metadata_props.add()
    note.key, note.value = "kokoro_config", json.dumps({"vocab": vocabulary})
    onnx.save(model, path)
    return path


# The usual wrong files


def zipped(*members: Any) -> Any:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in members:
            archive.writestr(name, b"x" * 100)
    return stream.getvalue()


def other_model() -> Any:
    tensor = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3])
    output = helper.make_tensor_value_info("label", TensorProto.FLOAT, [1, 3])
    graph = helper.make_graph([helper.make_node("Identity", ["image"], ["label"])], "g", [tensor], [output])
    return helper.make_model(graph).SerializeToString()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"ab" * 32 + b"\nsize 345554732\n"
PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in to GitHub</title></head><body>...</body></html>"
WRONG = {
    "page": (PAGE, "a web page ('Sign in to GitHub')"),
    "page without a title": (b"\n <HTML><body>404", "a web page of 17 bytes"),
    "xml": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "a web page"),
    "lfs pointer": (LFS, "a Git LFS pointer to a file of 345554732 bytes"),
    "nine bytes": (b"Not found", "9 bytes of text, starting with 'Not found'"),
    "empty": (b"", "an empty file"),
    "old pytorch": (pickle.dumps({"weights": [1.0] * 2000}, protocol=2), "PyTorch weights"),
    "new pytorch": (zipped("archive/data.pkl", "archive/data/0"), "PyTorch weights"),
    "archive": (zipped("kokoro-v0_19.onnx"), "an archive without voices"),
    "gzip": (b"\x1f\x8b\x08" + bytes(5000), "a gzip archive"),
    "safetensors": ((60).to_bytes(8, "little") + b'{"weight":{"dtype":"F32"}}' + bytes(5000), "safetensors"),
    "gguf": (b"GGUF" + bytes(5000), "GGUF weights"),
    "other model": (other_model(), "an ONNX model, but not Kokoro: its inputs are image"),
    "noise": (random.Random(1).randbytes(70_000), "neither an ONNX model nor a voice pack"),
    "zeros": (bytes(70_000), "neither an ONNX model nor a voice pack"),
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG.keys())
def test_wrong_file_saved_as_onnx_is_called_what_it_is(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "kokoro-v0_19.onnx"
    path.write_bytes(content[0])
    with pytest.raises(WrongFileError) as caught:
        identify(path, REGISTRY)
    assert content[1] in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.999])
def test_truncated_model_is_called_one_with_what_is_missing(tmp_path: Path, share: float) -> None:
    whole = BUILT_IN_MODEL.read_bytes()
    path = tmp_path / "kokoro.onnx"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(WrongFileError, match="an incomplete ONNX model") as caught:
        identify(path, REGISTRY)
    missing = len(whole) - int(len(whole) * share)
    assert int(str(caught.value).partition("at least ")[2].split()[0]) == pytest.approx(missing, abs=200)


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_truncated_voices_are_called_so(tmp_path: Path, share: float) -> None:
    whole = BUILT_IN_VOICES.read_bytes()
    (tmp_path / "voices.bin").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(WrongFileError, match="incomplete"):
        identify(tmp_path / "voices.bin", REGISTRY)


def test_missing_file_is_said_to_be_missing(tmp_path: Path, models_dir: Path) -> None:
    with pytest.raises(WrongFileError, match="does not exist"):
        add([tmp_path / "no.onnx"], models_dir, REGISTRY)


def test_wrong_files_are_never_installed(own: Path, models_dir: Path) -> None:
    (own / "my export.onnx").write_bytes(PAGE)
    with pytest.raises(WrongFileError, match="web page"):
        add([own / "my export.onnx", own / "voices.npz"], models_dir, REGISTRY)
    assert not models_dir.exists()


# What files are


def test_model_is_described_by_what_is_in_it() -> None:
    file = identify(BUILT_IN_MODEL, REGISTRY)
    assert isinstance(file, ModelFile)
    assert (file.version, file.known) == (None, None)
    assert "float16, 1.8 million parameters, tokens, style, speed → audio" in describe(file)


@pytest.mark.parametrize(("rows", "version"), [(511, "v0.19"), (510, "v1.0"), (300, None)])
def test_voices_tell_their_version_by_their_rows(tmp_path: Path, rows: int, version: str | None) -> None:
    file = identify(voices_file(tmp_path / "any-name.bin", rows), REGISTRY)
    assert isinstance(file, VoicesFile)
    assert file.version == version
    assert dict(file.rows) == {"af_bella": rows, "bm_george": rows}


@pytest.mark.parametrize(("vocabulary", "version"), [(VOCABULARY, "v0.19"), (VOCABULARY_V1_0, "v1.0")])
def test_model_with_its_configuration_tells_its_version(tmp_path: Path, vocabulary: Any, version: str) -> None:
    file = identify(with_notes(tmp_path / "kokoro-v0_19.onnx", vocabulary), REGISTRY)
    assert file.version == version


def test_model_of_an_unknown_vocabulary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongFileError, match="vocabulary of 2 symbols"):
        identify(with_notes(tmp_path / "new.onnx", {"a": 1, "b": 2}), REGISTRY)


# What is installed


def test_own_export_is_tried_out_and_installed_in_its_own_folder(own: Path, models_dir: Path) -> None:
    added = add([own / "my export.onnx", own / "voices.npz"], models_dir, REGISTRY)
    assert added.name == "my-export"
    assert added.path == models_dir / "my-export" / "my-export.onnx"
    verify_model(models_dir / "my-export")
    assert len(Kokoro.load(added.path).speak("Hello.").audio)
    assert list(installed(models_dir)) == ["my-export"]
    assert {path.name for path in models_dir.iterdir()} == {"my-export"}


def test_voices_beside_the_model_are_found(own: Path, models_dir: Path) -> None:
    assert add([own / "my export.onnx"], models_dir, REGISTRY).detected[1].startswith("voices.npz: 7 voices")


def test_folder_is_taken_with_all_that_belongs_to_it(own: Path, models_dir: Path) -> None:
    (own / "README.bin").write_bytes(b"words")
    (own / "config.json").write_text('{"n_token": 178, "vocab": {"a": 1}}')
    added = add([own], models_dir, REGISTRY, name="mine")
    assert {path.name for path in added.path.parent.iterdir() if path.name[0] != "."} == {
        "mine.onnx",
        "voices.npz",
        "storyflow-manifest.json",
    }


def test_folder_of_single_voices_keeps_their_names(own: Path, models_dir: Path) -> None:
    (own / "voices.npz").unlink()
    (own / "voices").mkdir()
    for name in ("af_bella", "bm_george"):
        (own / "voices" / f"{name}.bin").write_bytes(pack().tobytes())
    added = add([own], models_dir, REGISTRY)
    assert sorted(Kokoro.load(added.path).voices) == ["af_bella", "bm_george"]


def test_model_without_voices_is_not_installed(own: Path, models_dir: Path) -> None:
    (own / "voices.npz").unlink()
    with pytest.raises(RefusedModelError, match="cannot speak without voices"):
        add([own / "my export.onnx"], models_dir, REGISTRY)


def test_voices_without_a_model_are_called_what_they_are(own: Path, models_dir: Path) -> None:
    with pytest.raises(RefusedModelError, match=r"voices\.npz: 7 voices of Kokoro v0\.19"):
        add([own / "voices.npz"], models_dir, REGISTRY)


def test_voices_of_another_version_are_refused(own: Path, models_dir: Path) -> None:
    model = with_notes(own / "new.onnx", VOCABULARY)
    voices = voices_file(own / "voices-v1.0.bin", rows=510)
    with pytest.raises(RefusedModelError, match=r"has voices of Kokoro v1\.0, but 'new\.onnx' is Kokoro v0\.19"):
        add([model, voices], models_dir, REGISTRY)


def test_voices_of_two_versions_are_refused(own: Path, models_dir: Path) -> None:
    other = voices_file(own / "more.bin", rows=510)
    with pytest.raises(RefusedModelError, match="different versions"):
        add([own / "my export.onnx", own / "voices.npz", other], models_dir, REGISTRY)


def test_name_of_a_published_model_is_not_taken_by_another(own: Path, models_dir: Path) -> None:
    (own / "my export.onnx").rename(own / "kokoro-v0_19.onnx")
    assert add([own], models_dir, REGISTRY).name == "kokoro-v0_19-own"


def test_external_data_comes_along(own: Path, models_dir: Path) -> None:
    model = onnx.load(BUILT_IN_MODEL)
    onnx.save(model, own / "big.onnx", save_as_external_data=True, location="big.onnx_data", size_threshold=1024)
    added = add([own / "big.onnx", own / "voices.npz"], models_dir, REGISTRY)
    assert (added.path.parent / "big.onnx_data").stat().st_size > 100_000
    assert len(Kokoro.load(added.path).speak("Hello.").audio)


def test_model_that_does_not_speak_is_refused(own: Path, models_dir: Path) -> None:
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 256]),
        helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
    ]
    outputs = [helper.make_tensor_value_info("audio", TensorProto.FLOAT, [None])]
    nodes = [helper.make_node("Log", ["minus"], ["audio"])]
    minus = helper.make_tensor("minus", TensorProto.FLOAT, [2], [-1.0, -2.0])
    graph = helper.make_graph(nodes, "g", inputs, outputs, [minus])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), own / "mute.onnx")
    with pytest.raises(RefusedModelError, match="not finite"):
        add([own / "mute.onnx", own / "voices.npz"], models_dir, REGISTRY)


def test_add_again_changes_nothing_and_another_needs_a_name(own: Path, models_dir: Path) -> None:
    first = add([own], models_dir, REGISTRY)
    assert add([own], models_dir, REGISTRY).path == first.path
    voices_file(own / "voices.npz")
    with pytest.raises(RefusedModelError, match="Another model called 'my-export'"):
        add([own], models_dir, REGISTRY)
    assert add([own], models_dir, REGISTRY, name="second").name == "second"


@pytest.mark.parametrize("name", ["../up", ".", "default", "a/b", "con"])
def test_hostile_name_is_refused(own: Path, models_dir: Path, name: str) -> None:
    with pytest.raises(RefusedModelError, match="not a valid model name"):
        add([own], models_dir, REGISTRY, name=name)
    assert not models_dir.exists()


# Published files that the user already has


@pytest.fixture
def published(own: Path) -> Registry:
    """A registry that knows the files of `own` as published under names of their own."""
    model, voices = identify(own / "my export.onnx", REGISTRY), identify(own / "voices.npz", REGISTRY)
    files = (
        KnownFile("toy.onnx", "https://a.example/toy.onnx", (Published(model.sha256, None, "here"),), 1 << 30),
        KnownFile("voices.bin", "https://a.example/voices.bin", (Published(voices.sha256, None, "here"),), 1 << 30),
    )
    toy = KnownModel("toy", "Toy", "v0.19", "float32", "CC0-1.0", "", False, (), files)
    return Registry({"toy": toy})


def test_published_files_go_where_they_belong_whatever_their_names(
    own: Path, models_dir: Path, published: Registry
) -> None:
    added = add([own], models_dir, published)
    assert (added.name, added.path) == ("toy", models_dir / "toy.onnx")
    assert (models_dir / "voices.bin").read_bytes() == (own / "voices.npz").read_bytes()
    verify_model(models_dir / "toy.onnx")


def test_published_files_in_their_place_are_noted(own: Path, models_dir: Path, published: Registry) -> None:
    models_dir.mkdir()
    shutil.copy(own / "my export.onnx", models_dir / "toy.onnx")
    shutil.copy(own / "voices.npz", models_dir / "voices.bin")
    add([models_dir / "toy.onnx"], models_dir, published)
    assert manifest_path(models_dir / "toy.onnx").exists()


def test_published_model_refuses_voices_of_another_version(own: Path, models_dir: Path, published: Registry) -> None:
    voices = voices_file(own / "other.bin", rows=510)
    with pytest.raises(RefusedModelError, match=r"Kokoro v1\.0"):
        add([own / "my export.onnx", voices], models_dir, published)


# Taking away


@pytest.mark.parametrize("known", [True, False], ids=["side by side", "folder"])
def test_remove_takes_what_was_installed_and_nothing_else(
    own: Path, models_dir: Path, published: Registry, known: bool
) -> None:
    added = add([own], models_dir, published if known else REGISTRY)
    (added.path.parent / "mine.txt").write_text("mine")
    remove(installed(models_dir)[added.name])
    left = [path for path in models_dir.rglob("*") if path.is_file()]
    assert [path.name for path in left] == ["mine.txt"]
    (added.path.parent / "mine.txt").unlink()


def test_remove_leaves_no_empty_folder(own: Path, models_dir: Path) -> None:
    added = add([own], models_dir, REGISTRY)
    remove(installed(models_dir)[added.name])
    assert list(models_dir.iterdir()) == []


def test_remove_leaves_what_was_put_there_by_hand(own: Path, models_dir: Path) -> None:
    models_dir.mkdir()
    shutil.copy(own / "my export.onnx", models_dir / "hand.onnx")
    with pytest.raises(RefusedModelError, match="by hand"):
        remove(installed(models_dir)["hand"])
    assert (models_dir / "hand.onnx").exists()


@pytest.mark.parametrize("known", [True, False], ids=["side by side", "folder"])
def test_engine_finds_what_was_installed_into_its_mounted_folder(
    own: Path, tmp_path: Path, published: Registry, known: bool
) -> None:
    added = add([own], tmp_path / "engine" / "external_models", published if known else REGISTRY)
    store = ModelStore(tmp_path / "engine", suffixes=(".onnx",))
    assert added.name in store.available()
    assert store.obtain(added.name).resolve() == (added.path if known else added.path.parent)
    assert len(Kokoro.load(added.path).voices) == 7
