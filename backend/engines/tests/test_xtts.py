"""XTTS' server with a stand-in for its library: consent, samples, languages, long texts, and the library's defects.

The stand-in has the signatures of coqui-tts 0.28, which tests/real/test_xtts.py compares with the library.
"""

import contextlib
import hashlib
import io
import os
import shutil
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import httpx
import numpy as np
import numpy.typing as npt
import pytest
import yaml

import engines
from engines.contract.engine_config import load_engine_config
from engines.tests.cloning import RATE, module, server_in, sound_of, speak, tone, upload
from engines.tests.file_server import file_server
from engines.tests.scripted_engine import WatchedModule, imported_by, serving

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("soxr")

XTTS = Path(engines.__file__).parent / "tts" / "xtts"
FILES = ("config.json", "vocab.json", "model.pth")
SENTENCE = "The quick brown fox jumps over the lazy dog again and again. "  # 61 characters


class Tokenizer:
    """Reads a character as a token, but for digits, which grow as in the library; knows no Hindi numbers, as there."""

    def __init__(self) -> None:
        self.char_limits = {"en": 250, "zh": 82, "hi": 150}

    def preprocess_text(self, txt: Any, lang: Any) -> Any:
        if "-" in lang:
            raise NotImplementedError(f"Language '{lang}' is not supported.")
        if lang == "hi" and any(digit in txt for digit in "0123456789"):
            raise NotImplementedError
        if "9" * 40 in txt:
            raise OverflowError("abs(999) must be less than 1000")
        if "\N{PILE OF POO}" in txt:
            raise KeyError(13)
        return txt

    def encode(self, txt: Any, lang: Any) -> Any:
        return list(self.preprocess_text(txt, lang).replace("7", "seven "))


class Xtts:
    """What the library's class of this name does, as far as the server sees it."""

    load_error: ClassVar[Exception | None] = None
    room: ClassVar[int] = 603  # audio tokens of one piece
    rate: ClassVar[int] = RATE

    def __init__(self, config: Any) -> None:
        self.config = config
        self.args = types.SimpleNamespace(output_sample_rate=Xtts.rate, gpt_max_text_tokens=402)
        self.gpt = types.SimpleNamespace(max_gen_mel_tokens=603)
        self.tokenizer = Tokenizer()
        self.heard: list[tuple[int, int, int]] = []  # samples, length and chunk_length of every speaker
        self.spoken: list[tuple[str, str, dict[str, Any]]] = []

    def load_checkpoint(
        self,
        config: Any,
        checkpoint_dir: Any = None,
        checkpoint_path: Any = None,
        vocab_path: Any = None,
        eval: bool = True,  # noqa: A002 - the library's name
        strict: bool = True,
        use_deepspeed: bool = False,
        speaker_file_path: Any = None,
    ) -> None:
        if Xtts.load_error:
            raise Xtts.load_error
        assert speaker_file_path == ""
        if "TTS.tts.models.xtts.XttsArgs" not in sys.modules["torch"].allowed:
            (checkpoint_dir / "model.pth").write_bytes(b"written anew")

    def to(self, device: Any) -> Any:
        assert device == "cpu"
        return self

    def get_speaker_embedding(self, audio: npt.NDArray[np.float32], sr: Any) -> Any:
        assert sr == 22_050
        return np.full((1, 512, 1), audio.std())

    def get_gpt_cond_latents(
        self, audio: npt.NDArray[np.float32], sr: Any, length: int = 30, chunk_length: int = 6
    ) -> Any:
        self.heard.append((audio.shape[1], length, chunk_length))
        self.sound = audio[0]
        return np.full((1, 32, 64), audio.mean())

    def inference(
        self,
        text: str,
        language: str,
        gpt_cond_latent: Any,
        speaker_embedding: Any,
        temperature: float = 0.75,
        length_penalty: float = 1.0,
        repetition_penalty: float = 10.0,
        top_k: int = 50,
        top_p: float = 0.85,
        do_sample: bool = True,
        num_beams: int = 1,
        speed: float = 1.0,
        enable_text_splitting: bool = False,
        **hf_generate_kwargs: Any,
    ) -> dict[str, Any]:
        assert hf_generate_kwargs == {"min_new_tokens": 4}
        assert not enable_text_splitting
        self.spoken.append((text, language, {"speed": speed, "top_k": top_k, "temperature": temperature}))
        tokens = min(len(text) * 2, Xtts.room)
        loudness = float(speaker_embedding.max())
        return {
            "wav": np.full(tokens * 100, loudness, np.float32),
            "gpt_latents": np.zeros((1, int(tokens / speed), 64)),
            "speaker_embedding": speaker_embedding,
        }


class XttsConfig:
    def load_json(self, file_name: Any) -> None:
        values = yaml.safe_load(Path(file_name).read_text())
        self.languages = values["languages"]
        self.gpt_cond_len, self.gpt_cond_chunk_len, self.max_ref_len = 30, 4, 30


class Torch(types.ModuleType):
    """The few functions of PyTorch that the server calls, on NumPy's arrays."""

    def __init__(self) -> None:
        super().__init__("torch")
        self.allowed: set[str] = set()
        self.cuda = types.SimpleNamespace(is_available=lambda: False, empty_cache=lambda: None)
        self.serialization = types.SimpleNamespace(safe_globals=self._safe_globals)
        self.from_numpy, self.isfinite = np.asarray, np.isfinite

    def cat(self, tensors: Any, dim: Any) -> Any:
        return np.concatenate(tensors, axis=dim)

    def stack(self, tensors: Any) -> Any:
        return types.SimpleNamespace(mean=lambda dim: np.stack(tensors).mean(axis=dim))

    @contextlib.contextmanager
    def _safe_globals(self, names: Any) -> Iterator[Any]:
        self.allowed = {name[1] if isinstance(name, tuple) else name.__name__ for name in names}
        yield
        self.allowed = set()


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The stand-in in the place of the library."""
    configs = {"XttsConfig": XttsConfig, "XttsArgs": type("XttsArgs", (), {})}
    configs["XttsAudioConfig"] = type("XttsAudioConfig", (), {})
    datasets = {"BaseDatasetConfig": type("BaseDatasetConfig", (), {})}
    for replacement in (
        Torch(),
        module("TTS.tts.configs.xtts_config", **configs),
        module("TTS.config.shared_configs", **datasets),
        module("TTS.tts.models.xtts", Xtts=Xtts),
    ):
        monkeypatch.setitem(sys.modules, replacement.__name__, replacement)
    for name in ("load_error", "room", "rate"):
        monkeypatch.setattr(Xtts, name, getattr(Xtts, name))
    with mock.patch.dict(os.environ):
        for name in ("COQUI_TOS_AGREED", "HF_HUB_OFFLINE", "TRANSFORMERS_VERBOSITY", "STORYFLOW_MODELS_URL"):
            os.environ.pop(name, None)
        yield


def put_model(folder: Path, languages: str = "[en, fr, zh-cn, hi]", weights: bytes = b"weights") -> None:
    folder.mkdir(parents=True)
    for name, content in zip(FILES, (f"languages: {languages}".encode(), b"{}", weights), strict=True):
        (folder / name).write_bytes(content)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The engine's folder without a model."""
    shutil.copy2(XTTS / "engine.yaml", tmp_path)
    return tmp_path


@pytest.fixture
def engine(library: None, folder: Path) -> Any:
    """The server with a model of each kind, not served yet."""
    put_model(folder / "models" / "default")
    put_model(folder / "external_models" / "english", "[en]")
    return server_in(folder, XTTS, "XttsServer")


@pytest.fixture
def client(engine: Any) -> Iterator[httpx.Client]:
    """A client of that server with a loaded model and a speaker."""
    with serving(engine) as client:
        assert load(client, "default") == 200
        upload(client, "one", tone())
        yield client


def model_of(engine: Any) -> Xtts:
    model: Xtts = engine._voice._model
    return model


def load(client: httpx.Client, name: str) -> int:
    return client.post("/load", json={"engineModelName": name}).status_code


def test_answer_is_16_bit_pcm_although_the_library_speaks_float(client: httpx.Client) -> None:
    assert len(sound_of(speak(client, "Hello."))) == len("Hello.") * 200


def test_without_consent_nothing_is_listed_and_the_answer_says_how_to_agree(library: None, folder: Path) -> None:
    with serving(server_in(folder, XTTS, "XttsServer")) as client:
        assert client.get("/models").json()["models"] == []
        answer = client.post("/load", json={"engineModelName": "default"})
    assert answer.status_code == 404
    assert "COQUI_TOS_AGREED=1" in answer.text
    assert "does not allow commercial use" in answer.text


@pytest.mark.parametrize("said", ["", "0", "yes", "true"])
def test_nothing_but_1_is_consent(library: None, folder: Path, said: str) -> None:
    os.environ["COQUI_TOS_AGREED"] = said
    assert server_in(folder, XTTS, "XttsServer").get_available_models() == []


def test_with_consent_the_model_is_fetched_verified_and_linked(library: None, folder: Path) -> None:
    contents = {"config.json": b"languages: [en]", "vocab.json": b"{}", "model.pth": b"weights"}
    declare_download(folder, contents)
    os.environ["COQUI_TOS_AGREED"] = "1"
    with file_server({f"/default/{name}": content for name, content in contents.items()}) as files:
        os.environ["STORYFLOW_MODELS_URL"] = files.url
        with serving(server_in(folder, XTTS, "XttsServer")) as client:
            assert load(client, "default") == 200
    assert (folder / "models" / "default").is_symlink()
    assert (folder / "external_models" / "default" / "model.pth").read_bytes() == b"weights"
    del os.environ["COQUI_TOS_AGREED"]  # once it is there it stays
    with serving(server_in(folder, XTTS, "XttsServer")) as client:
        assert load(client, "default") == 200


def test_with_consent_nobody_is_asked_for_it_again(library: None, folder: Path) -> None:
    os.environ["COQUI_TOS_AGREED"] = "1"
    advice = server_in(folder, XTTS, "XttsServer").model_advice
    assert "COQUI_TOS_AGREED" not in advice
    assert "external_models/NAME/" in advice


def test_model_that_is_there_needs_no_consent(client: httpx.Client) -> None:
    assert [model["name"] for model in client.get("/models").json()["models"]] == ["default", "english"]


def test_image_build_ends_without_consent() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "COQUI_TOS_AGREED"}
    command = [sys.executable, "-I", str(XTTS / "licence.py")]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "--build-arg COQUI_TOS_AGREED=1" in refused.stderr
    agreed = subprocess.run(command, env={**environment, "COQUI_TOS_AGREED": "1"}, capture_output=True, text=True)
    assert (agreed.returncode, agreed.stderr) == (0, "")


def test_every_url_is_of_the_pinned_revision() -> None:
    (model,) = load_engine_config(XTTS / "engine.yaml").models
    revision = model.metadata["revision"]
    assert all(f"/resolve/{revision}/" in file["url"] for file in model.metadata["download"])
    assert revision in (XTTS / "licence.py").read_text()
    assert {*FILES} < {file["path"] for file in model.metadata["download"]}


def test_weights_are_never_written_to(engine: Any, client: httpx.Client) -> None:
    """The library writes model.pth anew when its pickle names classes that have moved since 2023."""
    assert (engine.models_dir / "default" / "model.pth").read_bytes() == b"weights"


def test_library_is_offline_before_its_import(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "TTS.tts.models.xtts"
    watched = WatchedModule(sys.modules[name])
    monkeypatch.setitem(sys.modules, name, watched)
    with serving(engine) as client:
        assert load(client, "default") == 200
    assert set(watched.offline) == {"1"}


@pytest.mark.parametrize("missing", FILES)
def test_folder_without_one_of_the_files_is_no_model(engine: Any, missing: Any) -> None:
    (engine.models_dir / "default" / missing).unlink()
    assert [model.name for model in engine.get_available_models()] == ["english"]


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (RuntimeError("Error(s) in loading state_dict for Xtts: size mismatch"), 400, "not a readable XTTS model"),
        (KeyError("model"), 400, "not a readable XTTS model"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), 500, "[GPU_OOM]"),
        (MemoryError(), 500, "Out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."), 500, "memory"),
        (OSError(5, "Input/output error"), 500, "Input/output error"),
        (ImportError("No module named 'six'"), 500, "six"),
    ],
)
def test_failed_load_tells_files_that_never_load_from_what_may_pass(
    engine: Any, monkeypatch: pytest.MonkeyPatch, error: Any, status: int, words: str
) -> None:
    monkeypatch.setattr(Xtts, "load_error", error)
    with serving(engine) as client:
        answer = client.post("/load", json={"engineModelName": "default"})
        assert (answer.status_code, words in answer.text) == (status, True)
        monkeypatch.setattr(Xtts, "load_error", None)
        assert load(client, "english") == 200


def test_model_of_another_rate_is_refused(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Xtts, "rate", 22_050)
    with serving(engine) as client:
        assert load(client, "default") == 400


def test_unload_forgets_the_model_and_its_speakers(engine: Any, client: httpx.Client) -> None:
    speak(client, "Hello.")
    assert load(client, "english") == 200
    assert len(engine._speakers) == 0


@pytest.mark.parametrize("language", ["zh-cn", "zh", "zh-tw", "ZH_CN"])
def test_chinese_by_any_code_reaches_the_library_as_its_own(engine: Any, client: httpx.Client, language: str) -> None:
    sound_of(speak(client, "你好。", language))
    assert model_of(engine).spoken[-1][1] == "zh"


def test_language_that_a_model_does_not_speak_is_refused(client: httpx.Client) -> None:
    assert load(client, "english") == 200
    answer = speak(client, "你好。", "zh-cn")
    assert answer.status_code == 400
    assert "Unsupported language 'zh-cn'" in answer.text


def test_long_text_is_cut_at_sentences_within_the_limit_of_its_language(engine: Any, client: httpx.Client) -> None:
    sound_of(speak(client, SENTENCE * 16))
    pieces = [text for text, _, _ in model_of(engine).spoken]
    assert " ".join(pieces) == (SENTENCE * 16).strip().lower()
    assert [len(piece) for piece in pieces] == [243] * 4
    sound_of(speak(client, "这是一个句子。" * 30, "zh-cn"))
    assert max(len(text) for text, language, _ in model_of(engine).spoken if language == "zh") <= 82


def test_text_of_too_many_tokens_is_cut_further(engine: Any, client: httpx.Client) -> None:
    """250 characters can be more than what it takes: "XTTS can only generate text with a maximum of 400 tokens"."""
    text = " ".join(["777"] * 60)
    sound_of(speak(client, text, "fr"))
    pieces = [piece for piece, _, _ in model_of(engine).spoken]
    assert " ".join(pieces) == text
    assert all(len(Tokenizer().encode(piece, "fr")) < 402 for piece in pieces)


@pytest.mark.parametrize(
    ("text", "language", "spoken"),
    [
        ("मेरे पास 50 हैं", "hi", "मेरे पास  पाँच  शून्य  हैं"),  # num2words has no Hindi
        ("9" * 40, "fr", "9  " * 39 + "9"),  # and ends at some length in most languages
    ],
)
def test_numbers_that_the_library_cannot_say_are_said_digit_by_digit(
    engine: Any, client: httpx.Client, text: str, language: str, spoken: str
) -> None:
    sound_of(speak(client, text, language))
    assert "  ".join(piece for piece, _, _ in model_of(engine).spoken).split() == spoken.split()


def test_text_that_the_library_cannot_read_is_refused_and_the_engine_goes_on(client: httpx.Client) -> None:
    answer = speak(client, "Un \N{PILE OF POO}.", "fr")
    assert answer.status_code == 400
    assert "Write it in words" in answer.text
    assert client.get("/health").json()["status"] == "ready"


@pytest.mark.parametrize("text", ["…", "—", "?!", "\u200b"])
def test_text_without_a_word_is_refused_because_the_model_would_babble(client: httpx.Client, text: str) -> None:
    answer = speak(client, text)
    assert answer.status_code == 400
    assert "nothing to speak" in answer.text


def test_pieces_without_a_word_are_left_out(engine: Any, client: httpx.Client) -> None:
    sound_of(speak(client, f"{SENTENCE * 4}{'. ' * 120}Yes."))
    assert all(any(map(str.isalnum, text)) for text, _, _ in model_of(engine).spoken)


def test_piece_that_fills_the_room_of_the_model_is_spoken_in_two(
    engine: Any, client: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It stops after 605 audio tokens, wherever the text is then."""
    text = "One two three four. Five six seven eight."
    whole = len(sound_of(speak(client, text)))
    monkeypatch.setattr(model_of(engine).gpt, "max_gen_mel_tokens", 60)
    monkeypatch.setattr(Xtts, "room", 60)
    assert len(sound_of(speak(client, text))) == pytest.approx(whole, abs=0.3 * RATE)
    assert [spoken for spoken, _, _ in model_of(engine).spoken[-2:]] == ["one two three four.", "five six seven eight."]
    assert not caplog.records
    monkeypatch.setattr(model_of(engine).gpt, "max_gen_mel_tokens", 10)
    monkeypatch.setattr(Xtts, "room", 10)
    sound_of(speak(client, text, "fr"))
    assert "check them by listening" in caplog.text
    assert "seven" not in caplog.text


def test_parameters_reach_the_library_in_its_types(engine: Any, client: httpx.Client) -> None:
    sound_of(speak(client, "Hello.", speed=2, top_k=7.0, temperature=1))
    settings = model_of(engine).spoken[-1][2]
    assert settings == {"speed": 2.0, "top_k": 7, "temperature": 1.0}
    assert [type(value) for value in settings.values()] == [float, int, float]


@pytest.mark.parametrize("name", ["speed", "temperature", "repetition_penalty", "top_k", "top_p"])
def test_parameters_out_of_range_are_refused(client: httpx.Client, name: str) -> None:
    assert speak(client, "Hello.", **{name: 0.0}).status_code == 400  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wav",
    [
        pytest.param(tone(), id="one second"),
        pytest.param(tone(1.0, 8_000), id="telephone"),
        pytest.param(tone(45.0, 22_050), id="longer than is heard"),
        pytest.param(tone(2.5, 44_100, 2), id="stereo"),
        pytest.param(tone(3.0, 48_000, 2, subtype="FLOAT"), id="float"),
        pytest.param(tone(1.0, 96_000, subtype="PCM_24"), id="24 bits"),
    ],
)
def test_sample_of_any_form_is_heard_at_the_models_rate(engine: Any, client: httpx.Client, wav: Any) -> None:
    upload(client, "two", wav)
    sound_of(speak(client, "Hello.", "en", "two"))
    info = soundfile.info(io.BytesIO(wav))
    assert model_of(engine).heard[-1][0] == pytest.approx(min(info.duration, 30) * 22_050, abs=2)


@pytest.mark.parametrize(
    ("wav", "words"),
    [
        pytest.param(tone(0.9), "at least 1 s", id="short"),
        pytest.param(tone(level=0.0), "is silent", id="silent"),
    ],
)
def test_sample_without_a_voice_is_refused(client: httpx.Client, wav: Any, words: str) -> None:
    upload(client, "two", wav)
    answer = speak(client, "Hello.", "en", "two")
    assert answer.status_code == 400
    assert words in answer.text


def test_several_samples_make_one_speaker(engine: Any, client: httpx.Client) -> None:
    upload(client, "two", tone(2.0))
    sound_of(speak(client, "Hello.", "en", "one", "two"))
    assert model_of(engine).heard == [(3 * 22_050, 30, 4)]


def test_several_samples_are_heard_in_equal_shares(engine: Any, client: httpx.Client) -> None:
    """The library hears only the first 30 s of what it is given: without shares that would be one sample alone."""
    upload(client, "loud", tone(40.0, level=0.8))
    upload(client, "soft", tone(40.0, level=0.1))
    sound_of(speak(client, "Hello.", "en", "loud", "soft"))
    heard = np.abs(model_of(engine).sound[: 30 * 22_050])
    half = len(heard) // 2
    assert heard[:half].max() > 0.7
    assert 0.05 < heard[half + 1_000 :].max() < 0.2


def test_speaker_is_learned_once_and_anew_after_another_upload(engine: Any, client: httpx.Client) -> None:
    quiet = [sound_of(speak(client, "Hello.")) for _ in range(2)]
    assert len(model_of(engine).heard) == 1
    upload(client, "one", tone(level=0.9))
    loud = sound_of(speak(client, "Hello."))
    assert len(model_of(engine).heard) == 2
    assert loud.max() > 2 * quiet[0].max()


def test_without_a_sample_it_is_refused(client: httpx.Client) -> None:
    answer = client.post("/generate", json={"text": "Hello.", "language": "en", "ttsSpeakerWav": ""})
    assert answer.status_code == 400
    assert "requires speaker samples" in answer.text


def test_server_listens_before_it_imports_the_library() -> None:
    assert imported_by(XTTS / "server.py", "torch", "TTS", "numpy", "soundfile") == set()


def declare_download(folder: Path, contents: dict[str, bytes]) -> None:
    values = yaml.safe_load((folder / "engine.yaml").read_text())
    values["models"][0]["download"] = [
        {
            "path": name,
            "url": f"https://example.com/{name}",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for name, content in contents.items()
    ]
    (folder / "engine.yaml").write_text(yaml.safe_dump(values))
