"""Chatterbox with its real library and random weights of full size: the library lets nobody choose smaller ones.

Minutes on two cores, and 5 GB of memory. What the models say is noise; how they are loaded, asked and freed is real.
"""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engines.conformance.trial import Answer
from engines.tests.cloning import tone
from engines.tests.real.conftest import MakeEngine
from engines.tests.real.real_engine import RealEngine, give, python_of, sound_of
from engines.tests.test_chatterbox import English, Multilingual

pytestmark = [pytest.mark.engines, pytest.mark.timeout(3600)]

ENGINE = "tts/chatterbox"
PATIENCE_S = 900.0
SIGNATURES = """
import inspect, json
from chatterbox.mtl_tts import SUPPORTED_LANGUAGES, ChatterboxMultilingualTTS
from chatterbox.tts import ChatterboxTTS
methods = ("from_local", "prepare_conditionals", "generate")
names = {
    kind.__name__: {method: list(inspect.signature(getattr(kind, method)).parameters) for method in methods}
    for kind in (ChatterboxTTS, ChatterboxMultilingualTTS)
}
print(json.dumps([names, sorted(SUPPORTED_LANGUAGES)]))
"""


@pytest.fixture
def chatterbox(real_engine: MakeEngine) -> RealEngine:
    return real_engine(ENGINE)


def load(engine: RealEngine, name: str) -> Answer:
    return engine.post("/load", {"engineModelName": name}, timeout_s=PATIENCE_S)


def speak(engine: RealEngine, text: str, language: str = "en", speaker: str = "one", **parameters: float) -> Answer:
    body = {"text": text, "language": language, "ttsSpeakerWav": [f"{speaker}.wav"], "parameters": parameters}
    return engine.post("/generate", body, timeout_s=PATIENCE_S)


def test_library_has_the_signatures_and_languages_that_the_server_relies_on(chatterbox: RealEngine) -> None:
    done = subprocess.run([python_of(ENGINE), "-W", "ignore", "-c", SIGNATURES], capture_output=True, check=True)
    names, languages = json.loads(done.stdout.splitlines()[-1])
    for kind, stand_in in (("ChatterboxTTS", English), ("ChatterboxMultilingualTTS", Multilingual)):
        for method, parameters in names[kind].items():
            code = getattr(stand_in, method).__code__
            assert list(code.co_varnames[1 : code.co_argcount]) == [name for name in parameters if name != "self"]
    assert languages == sorted(chatterbox.config.supported_languages)


@pytest.mark.slow
def test_english_from_load_to_restart(chatterbox: RealEngine, tiny_model: Callable[..., Path]) -> None:
    models = tiny_model(ENGINE)
    give(models / "default", chatterbox.external_models_dir / "mounted")
    chatterbox.start()
    assert "mounted" in chatterbox.listed()
    assert (chatterbox.models_dir / "mounted").is_symlink()
    assert load(chatterbox, "mounted").status == 200
    chatterbox.upload("one", tone())
    chatterbox.upload("two", tone(2.0, 44_100, 2, subtype="FLOAT"))
    first = sound_of(speak(chatterbox, "Hello there.", seed=7))
    assert first.any()
    assert np.array_equal(sound_of(speak(chatterbox, "Hello there.", seed=7)), first)
    other = sound_of(speak(chatterbox, "Hello there.", speaker="two", seed=7, exaggeration=1.0))
    assert not np.array_equal(other, first)
    back = sound_of(speak(chatterbox, "Hello there.", seed=7, cfg_weight=0.0))  # which the library itself cannot do
    assert back.any()
    two_pieces = sound_of(speak(chatterbox, "This is a sentence of some length. " * 9))
    assert len(two_pieces) > 1.5 * len(first)
    assert speak(chatterbox, "Guten Tag.", "de").status == 400
    assert chatterbox.shut_down() == 0
    chatterbox.start()
    assert "mounted" in chatterbox.listed()
    assert load(chatterbox, "mounted").status == 200
    assert np.array_equal(sound_of(speak(chatterbox, "Hello there.", seed=7)), first)
    assert chatterbox.network_notes == []


@pytest.mark.slow
def test_multilingual_takes_the_place_of_english_and_goes_again(
    chatterbox: RealEngine, tiny_model: Callable[..., Path]
) -> None:
    models = tiny_model(ENGINE)
    give(models / "default", chatterbox.models_dir / "default")
    give(models / "multilingual", chatterbox.models_dir / "multilingual")
    before = {path.name for path in (chatterbox.models_dir / "multilingual").iterdir()}
    chatterbox.start()
    assert load(chatterbox, "default").status == 200
    one_model = chatterbox.resident_mib()
    assert load(chatterbox, "multilingual").status == 200
    assert chatterbox.resident_mib() < 1.4 * one_model
    chatterbox.upload("one", tone())
    assert sound_of(speak(chatterbox, "Hallo.", "de")).any()
    assert sound_of(speak(chatterbox, "你好。", "zh-cn")).any()
    assert chatterbox.network_notes == []
    assert {path.name for path in (chatterbox.models_dir / "multilingual").iterdir()} == before
    assert chatterbox.shut_down() == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [("ve.safetensors", b"\x10" + bytes(40)), ("ve.safetensors", b""), ("tokenizer.json", b"{}")],
    ids=["garbage", "empty", "other"],
)
def test_damaged_files_are_refused_for_good(
    chatterbox: RealEngine, tiny_model: Callable[..., Path], name: str, content: bytes
) -> None:
    folder = chatterbox.models_dir / "default"
    give(tiny_model(ENGINE) / "default", folder)
    (folder / name).unlink()
    (folder / name).write_bytes(content)
    chatterbox.start()
    refused = load(chatterbox, "default")
    assert refused.status == 400
    assert b"damaged" in refused.body
    again = load(chatterbox, "default")
    assert (again.status, again.body) == (400, refused.body)
    assert again.seconds < 1
    assert chatterbox.health["status"] == "ready"
