"""VibeVoice with its real library: tiny models with random weights, in both published forms, that speak noise."""

import io
import json
import os
import pickle
import shutil
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.conformance.run import check_engine
from engines.conformance.trial import Answer
from engines.store.manifest import sha256_of
from engines.tests.cloning import RATE, tone
from engines.tests.real.conftest import MakeEngine
from engines.tests.real.real_engine import ENGINES, NO_NETWORK, RealEngine, python_of, sound_of

pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

ENGINE = "tts/vibevoice"
HOP = 3_200
REFERENCE = Path(__file__).with_name("vibevoice_reference.json")
LIBRARY = """
import inspect, json, transformers
from transformers.utils import is_flash_attn_2_available, logging
from engines.tts.vibevoice.speaking_model import SpeakingModel
model = transformers.VibeVoiceForConditionalGeneration
names = ("VibeVoiceAcousticTokenizerFeatureExtractor", "VibeVoiceConfig", "VibeVoiceProcessor", "Qwen2TokenizerFast")
print(json.dumps({
    "missing": [name for name in names if not hasattr(transformers, name)],
    "processor": list(inspect.signature(transformers.VibeVoiceProcessor.__init__).parameters),
    "flash": [is_flash_attn_2_available(), callable(logging.disable_progress_bar)],
    "derived": SpeakingModel._get_logits_processor is not model._get_logits_processor,
}))
"""
GUIDANCE = """
import json, sys, torch
from pathlib import Path
from transformers import VibeVoiceForConditionalGeneration
from engines.tts.vibevoice.speaking_model import SpeakingModel
found = {}
for kind in (VibeVoiceForConditionalGeneration, SpeakingModel):
    model = kind.from_pretrained(Path(sys.argv[1]))
    model.generation_config.guidance_scale = 1.3
    prompt = torch.tensor([[model.config.audio_bos_token_id]])
    found[kind.__name__] = [
        type(processor).__name__ for processor in model._get_logits_processor(
            generation_config=model.generation_config, input_ids_seq_length=1, encoder_input_ids=prompt,
            prefix_allowed_tokens_fn=None, logits_processor=[], device="cpu", model_kwargs={})]
print(json.dumps(found))
"""
SPEAK = """
import json, sys
import numpy as np
from pathlib import Path
from engines.tts.vibevoice.narrator import Delivery
from engines.tts.vibevoice.opening import load_narrator
wanted = json.loads(Path(sys.argv[2]).read_text())
narrator = load_narrator(Path(sys.argv[1]), "cpu")
second = np.arange(38_400) / 24_000  # the voice of vibevoice_reference.py
voice = (0.2 * second * np.sin(2 * np.pi * 220 * second)).astype(np.float32)
sounds = {
    seed: narrator.speak(
        wanted["text"], "en", voice, Delivery(wanted["cfg_scale"], wanted["diffusion_steps"], int(seed))
    )[:: wanted["every"]].tolist()
    for seed in wanted["sounds"]
}
prompt = narrator._prompt(wanted["text"], voice)["input_ids"][0].tolist()
print(json.dumps({"prompt": prompt, "sounds": sounds}))
"""
TIE = """
import json, sys
from pathlib import Path
from safetensors.torch import load_file, save_file
folder = Path(sys.argv[1])
settings = json.loads((folder / "config.json").read_text())
del settings["tie_word_embeddings"]
settings["decoder_config"]["tie_word_embeddings"] = True
(folder / "config.json").write_text(json.dumps(settings))
index = json.loads((folder / "model.safetensors.index.json").read_text())
file = folder / index["weight_map"].pop("lm_head.weight")
(folder / "model.safetensors.index.json").write_text(json.dumps(index))
weights = load_file(file)
del weights["lm_head.weight"]
save_file(weights, file, metadata={"format": "pt"})
print("null")
"""


@pytest.fixture(scope="module")
def converted(tiny_model: Callable[..., Path]) -> Path:
    """A model as transformers keeps it."""
    return tiny_model(ENGINE)


@pytest.fixture(scope="module")
def original(tiny_model: Callable[..., Path]) -> Path:
    """A model as Microsoft published it."""
    return tiny_model(ENGINE, "original", ("--original",))


@pytest.fixture(scope="module")
def vibevoice(shared_real_engine: MakeEngine, converted: Path, original: Path) -> RealEngine:
    """The server with both of them mounted, and two speakers."""
    engine: RealEngine = shared_real_engine(ENGINE)
    shutil.copytree(converted, engine.external_models_dir / "converted")
    shutil.copytree(original, engine.external_models_dir / "original")
    start(engine)
    engine.upload("one", tone())
    engine.upload("two", tone(2.0, 44_100, 2, 0.7, subtype="FLOAT"))
    return engine


def start(engine: RealEngine) -> None:
    engine.environment["OMP_NUM_THREADS"] = "1"  # a machine of two cores has more to do
    engine.start()


def in_its_python(code: str, *arguments: Path) -> Any:
    """Return the JSON that `code` prints at last in the engine's environment."""
    environment = {**os.environ, "PYTHONPATH": f"{ENGINES.parent}{os.pathsep}{NO_NETWORK}", "OMP_NUM_THREADS": "1"}
    command = [str(python_of(ENGINE)), "-c", code, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def speak(engine: RealEngine, text: str, language: str = "en", *speakers: str, **parameters: float) -> Answer:
    samples = [f"{speaker}.wav" for speaker in speakers or ("one",)]
    settings = {"diffusion_steps": 2, "seed": 1, **parameters}
    body = {"text": text, "language": language, "ttsSpeakerWav": samples, "parameters": settings}
    return engine.post("/generate", body)


def frames_of(answer: Answer) -> float:
    return len(sound_of(answer)) / HOP


def contents(folder: Path) -> dict[str, str]:
    """Return everything below `folder`, files with their SHA-256."""
    return {str(path.relative_to(folder)): sha256_of(path) if path.is_file() else "" for path in folder.rglob("*")}


def test_library_has_what_the_stand_in_of_the_light_tests_mimics() -> None:
    found = in_its_python(LIBRARY)
    assert found["missing"] == []
    assert {"feature_extractor", "tokenizer", "chat_template"} <= set(found["processor"])
    assert found["flash"] == [False, True]
    assert found["derived"]


def test_library_would_guide_its_choice_of_words_and_the_server_does_not(converted: Path) -> None:
    found = in_its_python(GUIDANCE, converted)
    unwanted = "UnbatchedClassifierFreeGuidanceLogitsProcessor"
    assert unwanted in found["VibeVoiceForConditionalGeneration"]
    assert found["SpeakingModel"] == [name for name in found["VibeVoiceForConditionalGeneration"] if name != unwanted]


def test_original_checkpoint_speaks_as_with_the_library_that_it_was_published_with(original: Path) -> None:
    """See vibevoice_reference.py, which made what is expected."""
    expected = json.loads(REFERENCE.read_text(encoding="utf-8"))
    found = in_its_python(SPEAK, original, REFERENCE)
    assert found["prompt"] == expected["prompt"]
    assert len({len(sound) for sound in expected["sounds"].values()}) > 1, "all end after the same frame"
    for seed, sound in expected["sounds"].items():
        assert found["sounds"][seed] == pytest.approx(sound, abs=1e-3), seed


def test_from_load_to_restart(vibevoice: RealEngine) -> None:
    before = contents(vibevoice.external_models_dir)
    assert vibevoice.listed() == ["converted", "original"]
    assert (vibevoice.models_dir / "original").is_symlink()
    for name in ("converted", "original"):
        assert vibevoice.load_named(name) == 200, vibevoice.refusal
        assert (vibevoice.health["currentEngineModel"], vibevoice.health["device"]) == (name, "cpu")
        for text, language, speakers in (
            ("Good morning.", "en", ["one"]),
            ("你好，世界。", "zh-cn", ["two"]),
            ("Good night.", "en-GB", ["one", "two"]),
        ):
            assert sound_of(speak(vibevoice, text, language, *speakers)).any()
    assert vibevoice.shut_down() == 0
    (vibevoice.models_dir / "original").unlink()  # a container loses everything but the mounts
    start(vibevoice)
    assert vibevoice.listed() == ["converted", "original"]
    assert vibevoice.load_named("original") == 200
    assert sound_of(speak(vibevoice, "Good evening.", "en", "two")).any()
    assert vibevoice.network_notes == []
    assert contents(vibevoice.external_models_dir) == before, "something was written to the mount"


@pytest.mark.parametrize("name", ["converted", "original"])
def test_same_seed_repeats_and_everything_else_is_heard(vibevoice: RealEngine, name: str) -> None:
    assert vibevoice.load_named(name) == 200

    def spoken(text: str = "Good morning.", speaker: str = "one", **parameters: float) -> bytes:
        return speak(vibevoice, text, "en", speaker, **parameters).body

    first = spoken()
    assert spoken() == first
    others = [
        spoken(text="Good evening."),
        spoken(speaker="two"),
        spoken(seed=2),
        spoken(cfg_scale=3.0),
        spoken(cfg_scale=1.0),
        spoken(diffusion_steps=4),
        spoken(seed=0),
        spoken(seed=0),
    ]
    assert len({first, *others}) == 1 + len(others)
    assert all(np.frombuffer(wav[44:], "<i2").any() for wav in (first, *others))


def test_sample_uploaded_again_is_heard_anew(vibevoice: RealEngine) -> None:
    assert vibevoice.load_named("converted") == 200
    vibevoice.upload("changing", tone(1.2))
    before = speak(vibevoice, "Good morning.", "en", "changing").body
    vibevoice.upload("changing", tone(1.7, 22_050))
    after = speak(vibevoice, "Good morning.", "en", "changing").body
    assert before != after
    vibevoice.upload("changing", tone(1.2))
    assert speak(vibevoice, "Good morning.", "en", "changing").body == before


def test_long_text_is_spoken_in_passages_with_pauses_between_them(vibevoice: RealEngine) -> None:
    """The context of the tiny model has room for some 480 characters and what they become."""
    assert vibevoice.load_named("converted") == 200
    sentences = "The wind blew over the wide and empty hills all night. " * 40
    sound = sound_of(speak(vibevoice, sentences))
    pause = np.zeros(round(0.2 * RATE), np.int16)
    pauses = sum(np.array_equal(sound[start : start + len(pause)], pause) for start in _after_frames(sound, len(pause)))
    assert pauses == 4
    assert (len(sound) - pauses * len(pause)) % HOP == 0


def _after_frames(sound: "np.ndarray", pause: int) -> list[int]:
    """Return where silence as long as a pause begins, whole passages being multiples of a frame."""
    starts, at = [], 0
    while at < len(sound):
        if not sound[at : at + pause].any():
            starts.append(at)
            at += pause
        else:
            at += HOP
    return starts


def test_speech_without_an_end_is_refused_and_the_engine_goes_on(
    real_engine: MakeEngine, tiny_model: Callable[..., Path]
) -> None:
    engine = real_engine(ENGINE)
    shutil.copytree(tiny_model(ENGINE, "endless", ("--endless",)), engine.models_dir / "endless")
    start(engine)
    assert engine.load_named("endless") == 200, engine.refusal
    engine.upload("one", tone())
    answer = speak(engine, "Hi.")
    assert answer.status == 400
    assert b"did not end within 11 s" in answer.body
    assert engine.health["status"] == "ready"


def test_heavy_model_is_freed_when_another_takes_its_place(
    real_engine: MakeEngine, tiny_model: Callable[..., Path], converted: Path
) -> None:
    engine = real_engine(ENGINE)
    shutil.copytree(converted, engine.models_dir / "light")
    shutil.copytree(tiny_model(ENGINE, "heavy", ("--heavy",)), engine.models_dir / "heavy")
    start(engine)
    assert engine.load_named("light") == 200, engine.refusal
    engine.upload("one", tone())
    assert sound_of(speak(engine, "Hello.")).any()
    light_mib = engine.resident_mib()
    for _ in range(2):
        assert engine.load_named("heavy") == 200, engine.refusal
        assert sound_of(speak(engine, "Hello.")).any()  # weights of 32 bits are only read when they are needed
        assert engine.resident_mib() > light_mib + 100
        assert engine.load_named("light") == 200
        assert engine.resident_mib() < light_mib + 70  # the heavy one has 147 MiB


def test_original_checkpoint_that_shares_its_embeddings_is_whole(real_engine: MakeEngine, original: Path) -> None:
    """VibeVoice-1.5B has no lm_head.weight: its settings say that it is the table of the words."""
    engine = real_engine(ENGINE)
    folder = engine.models_dir / "shared"
    shutil.copytree(original, folder)
    in_its_python(TIE, folder)
    start(engine)
    assert engine.load_named("shared") == 200, engine.refusal
    settings = json.loads((folder / "config.json").read_text())
    settings["decoder_config"]["tie_word_embeddings"] = False
    (folder / "config.json").write_text(json.dumps(settings))
    assert engine.shut_down() == 0
    start(engine)
    assert engine.load_named("shared") == 400
    assert "lacks 1 of its weights, for example lm_head.weight" in engine.refusal


def test_tokenizer_of_another_model_is_refused(real_engine: MakeEngine, original: Path) -> None:
    engine = real_engine(ENGINE)
    folder = engine.external_models_dir / "mixed"
    shutil.copytree(original, folder)
    tokenizer = (folder / "tokenizer.json").read_text(encoding="utf-8")
    (folder / "tokenizer.json").write_text(tokenizer.replace("<|vision_pad|>", "<|other|>"), encoding="utf-8")
    start(engine)
    assert engine.load_named("mixed") == 400
    assert "lacks <|vision_pad|>" in engine.refusal


@pytest.mark.parametrize("form", ["converted", "original"])
@pytest.mark.parametrize(
    ("file", "content"),
    [
        pytest.param("weights", b"\x00" * 200, id="zeros for weights"),
        pytest.param("weights", b"<html>Not found</html>", id="a web page for weights"),
        pytest.param("weights", None, id="torn weights"),
        pytest.param("tokenizer.json", b"{", id="torn tokenizer"),
        pytest.param("tokenizer.json", b"{}", id="no tokenizer"),
        pytest.param("config.json", b"{", id="torn settings"),
        pytest.param("config.json", b'{"model_type": "vibevoice"}', id="settings of another size"),
        pytest.param("config.json", b'{"model_type": "vibevoice_streaming"}', id="VibeVoice-Realtime"),
    ],
)
def test_damaged_files_are_refused_and_remembered(
    vibevoice: RealEngine, converted: Path, original: Path, form: str, file: str, content: bytes | None
) -> None:
    folder = vibevoice.external_models_dir / "damaged"
    shutil.copytree({"converted": converted, "original": original}[form], folder)
    try:
        path = sorted(folder.glob("model*.safetensors"))[-1] if file == "weights" else folder / file
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content is None else content)
        answers = [vibevoice.post("/load", {"engineModelName": "damaged"}) for _ in range(2)]
        assert [answer.status for answer in answers] == [400, 400], answers[0].body
        assert b"'damaged'" in answers[0].body or b"damaged/config.json" in answers[0].body
        assert answers[1].seconds < 1
    finally:
        shutil.rmtree(folder)
    assert vibevoice.load_named("converted") == 200


class Harmful:
    """Makes a folder where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> "tuple[object, tuple[str]]":
        return os.mkdir, (str(self.path),)


def test_pickled_weights_are_no_model_under_any_name_and_nothing_of_them_runs(
    vibevoice: RealEngine, converted: Path, tmp_path: Path
) -> None:
    folder = vibevoice.external_models_dir / "harmful"
    shutil.copytree(converted, folder)
    try:
        (folder / "model.safetensors").write_bytes(pickle.dumps(Harmful(tmp_path / "harm"), protocol=2))
        assert vibevoice.load_named("harmful") == 400
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
        assert "harmful" not in vibevoice.listed()
        assert vibevoice.load_named("harmful") == 404
    finally:
        shutil.rmtree(folder)
    assert not (tmp_path / "harm").exists()


def test_model_that_lacks_a_file_is_not_offered_and_the_log_says_which(vibevoice: RealEngine, original: Path) -> None:
    folder = vibevoice.external_models_dir / "incomplete"
    shutil.copytree(original, folder)
    try:
        (folder / "model-00002-of-00002.safetensors").unlink()
        assert "incomplete" not in vibevoice.listed()
    finally:
        shutil.rmtree(folder)
    assert "The model 'incomplete' is not listed: it lacks model-00002-of-00002.safetensors." in vibevoice.log


def test_faithful_client_narrates_with_a_mounted_model(
    real_engine: MakeEngine, original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = real_engine(ENGINE)
    shutil.copytree(original, engine.external_models_dir / "mine")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    client = engine.client()
    try:
        client.start("mine")
        client.upload_missing({"speaker": tone()})
        narrated = client.speak("One two three. Four five six.", "mine", "en", "speaker.wav")
    finally:
        client.stop()
    with wave.open(io.BytesIO(narrated)) as file:
        assert file.getnframes() > 0
        assert file.getnframes() % HOP == 0
    assert client.restarts == 0


def test_engine_conforms_with_a_model_at_hand(real_engine: MakeEngine, converted: Path) -> None:
    engine = real_engine(ENGINE)
    shutil.copytree(converted, engine.external_models_dir / "VibeVoice-1.5B")
    results = list(check_engine(engine.folder))
    assert {result.check: result.found for result in results if result.outcome == "failed"} == {}
    assert "/load: loaded when it answers, the name echoed" in [
        result.check for result in results if result.outcome == "passed"
    ]
