"""XTTS with its real library: tiny models with random weights, as the published one on the disk, that speak noise."""

import io
import json
import os
import pickle
import shutil
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.conformance.trial import Answer
from engines.store.manifest import sha256_of
from engines.tests.cloning import RATE, tone
from engines.tests.real.conftest import MakeEngine
from engines.tests.real.real_engine import ENGINES, RealEngine, give, python_of, sound_of
from engines.tests.test_xtts import Tokenizer, Xtts

pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

ENGINE = "tts/xtts"
SIGNATURES = """
import inspect, json
from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
from TTS.tts.models.xtts import Xtts
methods = {
    Xtts: ("load_checkpoint", "get_speaker_embedding", "get_gpt_cond_latents", "inference"),
    VoiceBpeTokenizer: ("preprocess_text", "encode"),
}
print(json.dumps({f"{kind.__name__}.{name}": list(inspect.signature(getattr(kind, name)).parameters)
    for kind, names in methods.items() for name in names}))
"""
READING = """
import json, sys
from pathlib import Path
from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
from engines.tts.xtts.reading import Reader
reader = Reader(VoiceBpeTokenizer(vocab_file=Path(sys.argv[1])), 402)
tokens = {
    language: [
        [len(reader.tokenizer.encode(piece, language)) for piece in reader.pieces(text, language)]
        for text in json.loads(sys.argv[2])
    ]
    for language in reader.tokenizer.char_limits
}
print(json.dumps(tokens))
"""
# Each made the library fail in some language, or fill its 402 tokens.
NUMBERS = ["12.5 s, 50 men, $20, 20.15€, 100,000.5 & the 1st of 2%.", "9" * 40, "№ 5 + #7 at 3°C, 1,2,3.4.5", "7" * 200]


class Harmful:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> "tuple[object, tuple[str]]":
        return os.mkdir, (str(self.path),)


@pytest.fixture(scope="module")
def kinds(tiny_model: Callable[..., Path]) -> Path:
    """A folder of three models: "published" pickles its configuration, "endless" speaks until its room is full."""
    made: Path = tiny_model(ENGINE, "kinds", ("--kinds",))
    return made


@pytest.fixture(scope="module")
def xtts(shared_real_engine: MakeEngine, kinds: Path) -> RealEngine:
    """The server with a model baked in and one that is mounted."""
    engine: RealEngine = shared_real_engine(ENGINE)
    give(kinds / "published", engine.models_dir / "default")
    give(kinds / "other", engine.external_models_dir / "narrator")
    start(engine)
    return engine


def start(engine: RealEngine) -> None:
    engine.environment["OMP_NUM_THREADS"] = "1"  # a machine of two cores has more to do
    engine.start()


def replace(file: Path, content: bytes) -> None:
    """Write another file in its place, not into it: it may have a second name."""
    file.unlink()
    file.write_bytes(content)


def speak(engine: RealEngine, text: str, language: str = "en", *speakers: str, **parameters: float) -> Answer:
    samples = [f"{speaker}.wav" for speaker in speakers or ("one",)]
    body = {"text": text, "language": language, "ttsSpeakerWav": samples, "parameters": parameters}
    return engine.post("/generate", body)


def test_library_has_the_signatures_that_the_server_relies_on() -> None:
    done = subprocess.run([python_of(ENGINE), "-W", "ignore", "-c", SIGNATURES], capture_output=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    for name, parameters in found.items():
        stand_in = {"Xtts": Xtts, "VoiceBpeTokenizer": Tokenizer}[name.split(".")[0]]
        code = getattr(stand_in, name.split(".")[1]).__code__
        keywords = ["hf_generate_kwargs"] if "hf_generate_kwargs" in parameters else []
        assert [*code.co_varnames[: code.co_argcount], *keywords] == parameters, name


def test_every_language_reads_numbers_within_the_models_tokens(xtts: RealEngine, kinds: Path) -> None:
    command = [
        python_of(ENGINE),
        "-W",
        "ignore",
        "-c",
        READING,
        kinds / "published" / "vocab.json",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ENGINES.parent)}
    done = subprocess.run([*map(str, command), json.dumps(NUMBERS)], env=environment, capture_output=True, check=True)
    tokens = json.loads(done.stdout.splitlines()[-1])
    assert {language.split("-")[0] for language in xtts.config.supported_languages} == set(tokens)
    for language, texts in tokens.items():
        assert all(pieces and max(pieces) < 402 for pieces in texts), (language, texts)


def test_from_load_to_restart(xtts: RealEngine) -> None:
    before = sha256_of(xtts.models_dir / "default" / "model.pth")
    assert xtts.listed() == ["default", "narrator"]
    assert (xtts.models_dir / "narrator").is_symlink()
    assert xtts.load_named("default") == 200, xtts.refusal
    xtts.upload("one", tone())
    xtts.upload("two", tone(2.0, 44_100, 2, subtype="FLOAT"))
    for text, language, speakers in (
        ("Good morning.", "en", ["one"]),
        ("你好，世界。", "zh-cn", ["two"]),
        ("मेरे पास 50 किताबें हैं।", "hi", ["one", "two"]),
    ):
        assert sound_of(speak(xtts, text, language, *speakers)).any()
    sentences = "The wind blew over the wide and empty hills all night. " * 9
    assert len(sound_of(speak(xtts, sentences))) > 0.4 * RATE  # two pauses at least
    assert xtts.load_named("narrator") == 200, xtts.refusal
    assert xtts.health["currentEngineModel"] == "narrator"
    assert sound_of(speak(xtts, "Guten Morgen.", "de", speed=1.5, temperature=0.5)).any()
    assert sha256_of(xtts.models_dir / "default" / "model.pth") == before, "the library wrote to the weights"
    assert xtts.shut_down() == 0
    start(xtts)
    assert xtts.listed() == ["default", "narrator"]
    assert xtts.load_named("narrator") == 200
    assert sound_of(speak(xtts, "Good evening.", "en", "two")).any()
    assert xtts.network_notes == []
    assert [path.name for path in xtts.external_models_dir.iterdir()] == ["narrator"]


def test_model_as_its_trainer_writes_it_is_loaded(xtts: RealEngine, kinds: Path) -> None:
    folder = xtts.external_models_dir / "trained"
    give(kinds / "trained", folder)
    try:
        assert xtts.load_named("trained") == 200, xtts.refusal
        xtts.upload("one", tone())
        assert sound_of(speak(xtts, "Good night.")).any()
    finally:
        shutil.rmtree(folder)


def test_swapping_keeps_one_model_in_memory(xtts: RealEngine) -> None:
    assert xtts.load_named("default") == 200
    one_model = xtts.resident_mib()
    for name in ("narrator", "default") * 2:
        assert xtts.load_named(name) == 200
    assert xtts.resident_mib() < one_model + 150  # the weights of one are 90 MiB


@pytest.mark.parametrize(
    ("file", "content"),
    [
        pytest.param("model.pth", b"PK\x03\x04" + bytes(200), id="torn weights"),
        pytest.param("model.pth", b"<html>Not found</html>", id="a web page"),
        pytest.param("model.pth", b"", id="no weights"),
        pytest.param("vocab.json", b"{}", id="no vocabulary"),
        pytest.param("config.json", b"{", id="torn configuration"),
        pytest.param("config.json", b'{"model": "xtts", "languages": ["en"]}', id="configuration of another size"),
    ],
)
def test_damaged_files_are_refused_and_remembered(xtts: RealEngine, kinds: Path, file: str, content: bytes) -> None:
    folder = xtts.external_models_dir / "damaged"
    give(kinds / "other", folder)
    try:
        replace(folder / file, content)
        answers = [xtts.post("/load", {"engineModelName": "damaged"}) for _ in range(2)]
        assert [answer.status for answer in answers] == [400, 400], answers[0].body
        assert b"not a readable XTTS model" in answers[0].body
        assert answers[1].seconds < 1
    finally:
        shutil.rmtree(folder)
    assert xtts.load_named("default") == 200


def test_harmful_weights_are_refused_and_nothing_of_them_runs(xtts: RealEngine, kinds: Path, tmp_path: Path) -> None:
    folder = xtts.external_models_dir / "harmful"
    give(kinds / "other", folder)
    try:
        replace(folder / "model.pth", pickle.dumps({"model": Harmful(tmp_path / "harm")}, protocol=2))
        assert xtts.load_named("harmful") == 400
    finally:
        shutil.rmtree(folder)
    assert not (tmp_path / "harm").exists()


def test_faithful_client_narrates_with_a_model_that_never_ends(
    real_engine: MakeEngine, kinds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = real_engine(ENGINE)
    give(kinds / "endless", engine.models_dir / "default")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    client = engine.client()
    try:
        client.start("default")
        client.upload_missing({"speaker": tone()})
        narrated = client.speak("One two three. Four five six.", "default", "en", "speaker.wav")
    finally:
        client.stop()
    with wave.open(io.BytesIO(narrated)) as file:
        # Its room is full after 37 audio tokens: it speaks both sentences once more, each on its own.
        assert file.getnframes() > 2 * 37 * 1024 / 22_050 * RATE
    assert client.restarts == 0
