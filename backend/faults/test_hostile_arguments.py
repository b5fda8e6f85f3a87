"""Unexpected arguments: never an exception, always JSON, and no file outside its folder."""

import json
import os
import sys
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core_engine.audio_utils import validate_audio_file
from core_engine.model_loader import KokoroModelLoader
from core_engine.tts_wrapper import construct_audio_path, construct_audio_url, generate_audio, get_voice_embedding
from engines.store.names import InvalidNameError
from faults.support import SHORT, files_in

ANY_TEXT = st.text(st.characters(), max_size=60)  # includes lone surrogates and NUL
JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.binary(max_size=20), st.lists(st.text(max_size=3)),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2), st.complex_numbers(), st.just(object()),
    st.just(10**400), st.fractions(), st.decimals(), st.just(np.float32("nan")), st.just(np.zeros(3)),
)  # fmt: skip
HUGE = st.sampled_from(["\0", " ", "\U0001f600", "a", "\ud800", ".", "1", "word "]).map(lambda text: text * 20_000)
SPEEDS = st.one_of(st.floats(), st.integers(), JUNK)

HEARD = {
    "audio": np.linspace(-0.5, 0.5, 2400, dtype=np.float32),
    "nan": np.array([0.1, np.nan], np.float32),
    "infinite": np.array([0.1, -np.inf], np.float32),
    "empty": np.zeros(0, np.float32),
    "nothing": None,
    "words": np.array(["a"]),
    "memory": MemoryError(),
    "stop": StopIteration(),
    "error without words": RuntimeError(),
}


class Session:
    """A Kokoro export that returns or raises `answer`."""

    answer: object = None

    def get_inputs(self) -> Any:
        forms = (("tokens", [1, None], "int64"), ("style", [1, 256], "float"), ("speed", [1], "float"))
        return [SimpleNamespace(name=name, shape=shape, type=f"tensor({kind})") for name, shape, kind in forms]

    def get_outputs(self) -> list[Any]:
        return [SimpleNamespace(name="audio")]

    def run(self, names: Any, feed: Any) -> list[Any]:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return [self.answer]


@pytest.mark.parametrize("cases", [250, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_generate_audio_never_raises(tmp_path: Path, voice: None, cases: int) -> None:
    session = Session()
    paths = st.one_of(
        st.just(str(tmp_path / "a.wav")), JUNK.filter(lambda junk: not isinstance(junk, os.PathLike)),
        st.sampled_from(["", " ", "\0", str(tmp_path), str(tmp_path / ("x" * 300)), os.fsencode(tmp_path)]),
        st.text(st.characters(), max_size=20).filter(lambda name: "/" not in name).map(f"{tmp_path}/new/{{}}".format),
    )  # fmt: skip

    @settings(max_examples=cases, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.one_of(st.just(SHORT), ANY_TEXT, ANY_TEXT, JUNK, HUGE),
        st.one_of(st.just("af_bella"), ANY_TEXT, JUNK),
        SPEEDS,
        paths,
        st.sampled_from(["audio", "audio", *HEARD]),
    )
    def check(text: Any, voice_id: Any, speed: Any, path: Any, answer: str) -> None:
        session.answer = HEARD[answer]
        result = generate_audio(text, voice_id, speed, path)
        assert json.loads(json.dumps(result)) == result
        if result["success"]:
            assert answer == "audio"
            assert result["audio_path"] == path
            assert validate_audio_file(path)
        else:
            assert isinstance(result["error"], str)
            assert len(result["error"]) > 10

    with patch.object(KokoroModelLoader, "get_session", return_value=session):
        check()


@pytest.mark.parametrize("answer", [name for name in HEARD if name != "audio"])
def test_output_that_is_not_audio_is_a_failure_and_the_old_file_stays(tmp_path: Path, voice: None, answer: Any) -> None:
    session = Session()
    session.answer = HEARD[answer]
    target = tmp_path / "a.wav"
    target.write_bytes(b"the old file")
    with patch.object(KokoroModelLoader, "get_session", return_value=session):
        assert not generate_audio(SHORT, output_path=str(target))["success"]
    assert target.read_bytes() == b"the old file"
    assert files_in(tmp_path) == ["a.wav"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")
def test_devices_and_pipes_are_not_replaced(tmp_path: Path, voice: None) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to("/dev/null")
    for path in (pipe, link):
        assert not generate_audio(SHORT, output_path=str(path))["success"]
    assert pipe.is_fifo()
    assert link.is_symlink()


HOSTILE_NAMES: list[Any] = [
    "..", ".", "", "/", "/etc/passwd", "../x", "a/b", "a\\b", "..\\x", "\0", "a\0b", "con", "NUL.txt", "aux.wav",
    "com1", "a.", ".hidden", "-rf", " ", "a b", "x" * 129, "x" * 100_000, "\ud800", "\u202e", "%2e%2e", "~", "C:",
    "a\n", "\uff0e\uff0e", "caf\u00e9", "\u00b2", None, True, 1.5, b"a", [], {}, 10**5000, -1, object(), Path("..")
]  # fmt: skip
NAME_PARTS = st.sampled_from(["..", ".", "/", "\\", "\0", "con", "NUL", "a", "B", "_", "-", ":", "~", "é", " ", "\n"])
NAMES = st.one_of(st.text(max_size=12), st.lists(NAME_PARTS, max_size=6).map("".join), st.sampled_from(HOSTILE_NAMES))


@pytest.mark.parametrize("cases", [1_000, pytest.param(100_000, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_names_stay_below_the_root_or_are_refused(tmp_path: Path, settings_of_django: Any, cases: int) -> None:
    settings_of_django.MEDIA_ROOT = str(tmp_path)
    root = os.path.realpath(tmp_path)

    @settings(max_examples=cases, deadline=None, suppress_health_check=list(HealthCheck))
    @given(NAMES, NAMES)
    def check(project: Any, segment: Any) -> None:
        try:
            path = construct_audio_path(project, segment)
        except InvalidNameError as error:
            if len(str(error)) > 1_000:
                raise
            with pytest.raises(InvalidNameError):
                construct_audio_url(project, segment)
            return
        relative = os.path.relpath(os.path.realpath(path), root)
        assert relative == os.path.join("projects", str(project), "audio", f"{segment}.wav")
        assert construct_audio_url(project, segment) == f"/media/{relative}"

    check()


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
def test_hostile_name_is_refused(name: Any) -> None:
    for ids in ((name, "a"), ("a", name)):
        with pytest.raises(InvalidNameError):
            construct_audio_path(*ids)


def test_ids_of_databases_are_names() -> None:
    for key in (0, 7, 2**63, uuid.UUID(int=5)):
        assert construct_audio_path(key, key).endswith(f"projects/{key}/audio/{key}.wav")


_opened: "list[str] | None" = None


def _note_opening(event: str, arguments: tuple[object, ...]) -> None:
    if _opened is not None and event in ("open", "os.listdir", "os.scandir", "os.rename", "os.link", "os.remove"):
        _opened.extend(os.fspath(path) for path in arguments[:2] if isinstance(path, (str, os.PathLike)))


def test_hostile_voices_open_nothing_outside_the_models_folder(tmp_path: Path, voice: None) -> None:
    global _opened
    generate_audio(SHORT, output_path=str(tmp_path / "a.wav"))  # opens the files that are opened only once
    sys.addaudithook(_note_opening)
    models = os.path.dirname(KokoroModelLoader._resolve_model_path())
    _opened = []
    try:
        for name in HOSTILE_NAMES:
            get_voice_embedding(name)
            assert generate_audio(SHORT, name, output_path=str(tmp_path / "a.wav"))["success"]
    finally:
        opened, _opened = _opened, None
    assert opened
    outside = [path for path in opened if os.path.isabs(path) and not path.startswith((models, str(tmp_path)))]
    assert outside == []
