"""Chatterbox's server with a stand-in for its library: samples, languages, long texts, and the library's defects.

The stand-in has the signatures of chatterbox-tts 0.1.7, which tests/real/test_chatterbox.py compares with the library.
"""

import collections
import contextlib
import dataclasses
import importlib.util
import json
import os
import shutil
import sys
import types
import weakref
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import httpx
import numpy as np
import pytest
import yaml

import engines
from engines.tests.cloning import RATE, module, server_in, sound_of, tone, upload
from engines.tests.scripted_engine import WatchedModule, imported_by, serving

pytest.importorskip("soundfile")
pytest.importorskip("soxr")

CHATTERBOX = Path(engines.__file__).parent / "tts" / "chatterbox"
ENGLISH_FILES = ("ve.safetensors", "t3_cfg.safetensors", "s3gen.safetensors", "tokenizer.json")
MULTILINGUAL_FILES = ("ve.pt", "t3_mtl23ls_v2.safetensors", "s3gen.pt", "grapheme_mtl_merged_expanded_v1.json")
SENTENCE = "The quick brown fox jumps over the lazy dog again and again. "  # 61 characters
CUDA_FULL = "CUDA out of memory. Tried to allocate 2.00 GiB"


@dataclasses.dataclass
class Conditionals:
    t3: Any
    gen: dict[str, Any]


class Tensor:
    def __init__(self, sound: "np.ndarray") -> None:
        self.sound = sound

    def squeeze(self, axis: int) -> "Tensor":
        return Tensor(self.sound.squeeze(axis))

    def numpy(self) -> "np.ndarray":
        return self.sound


class StandIn:
    """What ChatterboxTTS and ChatterboxMultilingualTTS do, as far as the server sees it."""

    made: ClassVar[list["weakref.ref[StandIn]"]] = []
    error: ClassVar[Exception | None] = None  # of the next load
    seconds: ClassVar[dict[str, float]] = {}  # of a text; otherwise 0.05 a character
    peak: ClassVar[float] = 0.5

    device: str

    def __init__(self) -> None:
        attention = types.SimpleNamespace(_forward_hooks={})
        layers = [types.SimpleNamespace(self_attn=attention)]
        self.t3 = types.SimpleNamespace(tfmr=types.SimpleNamespace(layers=layers))
        self.conds: Conditionals | None = None
        self.learned: list[np.ndarray] = []
        self.spoken: list[dict[str, Any]] = []
        StandIn.made.append(weakref.ref(self))

    @classmethod
    def from_local(cls, ckpt_dir: Any, device: Any) -> Any:
        if StandIn.error:
            raise StandIn.error
        made = cls()
        made.device = device
        return made

    def prepare_conditionals(self, wav_fpath: Any, exaggeration: float = 0.5) -> None:
        import soundfile

        sound, rate = soundfile.read(wav_fpath, dtype="float32")
        assert rate == RATE
        self.learned.append(sound)
        self.learned_gradients = sys.modules["torch"].keeps_gradients
        self.conds = Conditionals(t3=len(self.learned), gen={"prompt": "as learned"})

    def _speak(self, text: str, **settings: Any) -> Tensor:
        assert self.conds
        assert self.conds.gen["prompt"] == "as learned", "what was learned has been written to"
        self.conds.gen["prompt"] = "cast to another type"
        self.t3.tfmr.layers[0].self_attn._forward_hooks[len(self.spoken)] = "a spy"
        self.spoken.append({"text": text, "speaker": self.conds.t3, **settings})
        seconds = min(StandIn.seconds.get(text, 0.05 * len(text)), 40.0)
        return Tensor(np.full((1, round(seconds * RATE)), StandIn.peak, np.float32))


class English(StandIn):
    def generate(
        self,
        text: str,
        repetition_penalty: float = 1.2,
        min_p: float = 0.05,
        top_p: float = 1.0,
        audio_prompt_path: Any = None,
        exaggeration: float = 0.5,
        cfg_weight: float = 0.5,
        temperature: float = 0.8,
    ) -> Any:
        if not cfg_weight > 0.0:
            raise RuntimeError("Sizes of tensors must match except in dimension 1. Expected size 1 but got size 2")
        return self._speak(
            text, exaggeration=exaggeration, cfg_weight=cfg_weight, temperature=temperature, min_p=min_p, top_p=top_p
        )


class Multilingual(StandIn):
    def __init__(self) -> None:
        super().__init__()
        segmenter = None
        with contextlib.suppress(ImportError):
            segmenter = importlib.import_module("spacy_pkuseg").pkuseg()  # fetches a model
        converter = types.SimpleNamespace(word2cj={}, cj2word={}, segmenter=segmenter)
        self.tokenizer = types.SimpleNamespace(cangjie_converter=converter)

    def generate(
        self,
        text: str,
        language_id: Any,
        audio_prompt_path: Any = None,
        exaggeration: float = 0.5,
        cfg_weight: float = 0.5,
        temperature: float = 0.8,
        repetition_penalty: float = 2.0,
        min_p: float = 0.05,
        top_p: float = 1.0,
    ) -> Any:
        return self._speak(text, language_id=language_id, exaggeration=exaggeration, cfg_weight=cfg_weight)


class Segmenter:
    def __init__(self, model_name: str = "spacy_ontonotes") -> None:
        assert model_name != "spacy_ontonotes", "it fetches its model"
        self.files = sorted(path.name for path in Path(model_name).iterdir())


class Torch(types.ModuleType):
    """The few functions of PyTorch that the server calls."""

    def __init__(self) -> None:
        super().__init__("torch")
        self.seeds: list[int] = []
        self.manual_seed = self.seeds.append
        self.keeps_gradients = True
        self.cuda = types.SimpleNamespace(is_available=lambda: False, empty_cache=lambda: None)

    @contextlib.contextmanager
    def inference_mode(self) -> Iterator[None]:
        self.keeps_gradients = False
        yield
        self.keeps_gradients = True


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, types.ModuleType]]:
    """The stand-in in the place of the library, by name of module."""
    modules = {
        "torch": Torch(),
        "perth": module("perth", PerthImplicitWatermarker=object),
        "chatterbox.tts": module("chatterbox.tts", ChatterboxTTS=English),
        "chatterbox.mtl_tts": module("chatterbox.mtl_tts", ChatterboxMultilingualTTS=Multilingual),
        "spacy_pkuseg": module("spacy_pkuseg", pkuseg=Segmenter),
    }
    monkeypatch.setattr(StandIn, "made", [])
    for name, replacement in modules.items():
        monkeypatch.setitem(sys.modules, name, replacement)
    with mock.patch.dict(os.environ):
        os.environ.pop("HF_HUB_OFFLINE", None)
        yield modules


@pytest.fixture
def engine(library: dict[str, types.ModuleType], tmp_path: Path) -> Any:
    """The server with both models, not served yet."""
    for name in ("engine.yaml", "server.py"):
        shutil.copy2(CHATTERBOX / name, tmp_path / name)
    put_model(tmp_path / "models" / "default", ENGLISH_FILES)
    put_model(tmp_path / "models" / "multilingual", MULTILINGUAL_FILES)
    return server_in(tmp_path, CHATTERBOX, "ChatterboxServer")


@pytest.fixture
def client(engine: Any) -> Iterator[httpx.Client]:
    with serving(engine) as client:
        upload(client, "one", tone())
        yield client


def put_model(folder: Path, files: tuple[str, ...]) -> None:
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).write_bytes(b"weights")
    if files == MULTILINGUAL_FILES:
        (folder / "Cangjie5_TC.json").write_text(json.dumps(["你\tonf", "伱\tonf"], ensure_ascii=False))


def load(client: httpx.Client, name: str = "default") -> httpx.Response:
    return client.post("/load", json={"engineModelName": name})


def speak(
    client: httpx.Client, text: str = "Hello.", language: str = "en", speakers: object = "one.wav", **parameters: float
) -> httpx.Response:
    body = {"text": text, "language": language, "ttsSpeakerWav": speakers, "parameters": parameters}
    return client.post("/generate", json=body)


def model() -> Any:
    """Return the model that was loaded last."""
    return StandIn.made[-1]()


def settings_of(client: httpx.Client, name: str = "default", **request: Any) -> dict[str, Any]:
    load(client, name)
    sound_of(speak(client, **request))
    return dict(model().spoken[-1])


def test_models_are_folders_with_all_files(engine: Any, client: httpx.Client, tmp_path: Path) -> None:
    put_model(tmp_path / "models" / "half", ENGLISH_FILES[:3])
    put_model(tmp_path / "external_models" / "mine", ENGLISH_FILES)
    models = {entry["name"]: entry for entry in client.get("/models").json()["models"]}
    assert list(models) == ["multilingual", "default", "english", "mine"]
    assert models["english"]["languages"] == ["en"]
    assert len(models["multilingual"]["languages"]) == 23
    assert load(client, "mine").status_code == 200


def test_models_with_both_sets_of_files_are_multilingual(client: httpx.Client, tmp_path: Path) -> None:
    for name in ENGLISH_FILES:  # as in a snapshot of the published repository
        (tmp_path / "models" / "multilingual" / name).write_bytes(b"weights")
    assert settings_of(client, "multilingual", language="en")["language_id"] == "en"


def test_models_that_are_absent_can_be_downloaded(engine: Any, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "models")
    assert engine.get_available_models()[0].name == "multilingual", "the client takes the first as its default"
    assert set(engine.store.loadable()) == {"multilingual", "english"}
    with serving(engine) as client:
        missing = load(client, "turbo")
    assert missing.status_code == 404
    assert "README" in missing.json()["detail"]


def test_downloads_bring_all_files_of_one_pinned_revision() -> None:
    config = yaml.safe_load((CHATTERBOX / "engine.yaml").read_text())
    for entry, files in zip(config["models"], ((*MULTILINGUAL_FILES, "Cangjie5_TC.json"), ENGLISH_FILES), strict=True):
        assert set(files) <= {file["path"] for file in entry["download"]}
        hub = [file["url"] for file in entry["download"] if "huggingface" in file["url"]]
        assert all(f"/resolve/{entry['revision']}/" in url for url in hub)
        assert len(entry["revision"]) == 40
        assert entry["size_mb"] == round(sum(file["size"] for file in entry["download"]) / 1e6)


def test_load_switches_the_hub_off_before_the_import(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = WatchedModule(sys.modules["chatterbox.tts"])
    monkeypatch.setitem(sys.modules, "chatterbox.tts", watched)
    assert load(client).status_code == 200
    assert set(watched.offline) == {"1"}


def test_server_listens_before_it_imports_the_library() -> None:
    assert imported_by(CHATTERBOX / "server.py", "torch", "chatterbox", "numpy", "soundfile") == set()


def test_load_of_another_model_frees_the_first(client: httpx.Client) -> None:
    load(client)
    speak(client)
    load(client, "multilingual")
    assert StandIn.made[0]() is None
    assert StandIn.made[1]() is not None


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_load_uses_the_gpu_where_there_is_one(
    client: httpx.Client, library: dict[str, types.ModuleType], device: str
) -> None:
    library["torch"].cuda.is_available = lambda: device == "cuda"
    assert load(client).status_code == 200
    assert model().device == client.get("/health").json()["device"] == device


@pytest.mark.parametrize("absent", ["chatterbox.tts", "perth"])
def test_load_without_the_library_says_what_to_install(
    client: httpx.Client, library: dict[str, types.ModuleType], monkeypatch: pytest.MonkeyPatch, absent: str
) -> None:
    monkeypatch.setitem(sys.modules, absent, None)
    refused = load(client)
    assert refused.status_code == 400
    assert "pip install -r requirements.txt" in refused.json()["detail"]


def test_load_without_watermark_names_setuptools(client: httpx.Client, library: dict[str, types.ModuleType]) -> None:
    """Of resemble-ai/chatterbox issue 198: it fails with "'NoneType' object is not callable"."""
    library["perth"].__dict__["PerthImplicitWatermarker"] = None
    refused = load(client)
    assert refused.status_code == 400
    assert "setuptools<81" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (RuntimeError("Error(s) in loading state_dict for T3"), 400, "damaged"),
        (KeyError("[START]"), 400, "damaged"),
        (AssertionError(), 400, "damaged"),
        (RuntimeError(CUDA_FULL), 500, "[GPU_OOM]"),
        (RuntimeError("CUDA error: device-side assert triggered"), 500, "device-side assert"),
        (MemoryError(), 500, "Out of memory"),
        (OSError(116, "Stale file handle"), 500, "Stale file handle"),
    ],
)
def test_load_tells_damaged_files_from_a_failing_device(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, error: Any, status: int, detail: str
) -> None:
    monkeypatch.setattr(StandIn, "error", error)
    refused = load(client)
    assert refused.status_code == status
    assert detail in refused.json()["detail"]


def test_load_never_lets_pkuseg_fetch_its_model(client: httpx.Client, library: dict[str, types.ModuleType]) -> None:
    """Its downloader heeds no switch, and the library makes it for every language."""
    assert load(client, "multilingual").status_code == 200
    assert model().tokenizer.cangjie_converter.segmenter is None
    assert sys.modules["spacy_pkuseg"] is library["spacy_pkuseg"]


def test_load_reads_chinese_from_the_model_folder(client: httpx.Client, tmp_path: Path) -> None:
    """Of resemble-ai/chatterbox issue 471: it asks the hub for a file that lies beside the others."""
    with zipfile.ZipFile(tmp_path / "models" / "multilingual" / "spacy_ontonotes.zip", "w") as archive:
        for name in ("features.msgpack", "weights.npz", "features.pkl"):
            archive.writestr(name, b"")
    load(client, "multilingual")
    converter = model().tokenizer.cangjie_converter
    assert converter.word2cj == {"你": "onf", "伱": "onf"}
    assert converter.cj2word == {"onf": ["你", "伱"]}
    assert converter.segmenter.files == ["features.msgpack", "weights.npz"]  # no pickle


def test_load_with_a_damaged_segmenter_is_refused(client: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "models" / "multilingual" / "spacy_ontonotes.zip").write_bytes(b"no zip file")
    assert "damaged" in load(client, "multilingual").json()["detail"]


def test_generate_needs_a_sample(client: httpx.Client) -> None:
    load(client)
    assert speak(client, speakers=[]).status_code == 400


@pytest.mark.parametrize(
    "sample",
    [
        tone(level=0.5),
        tone(level=0.5, rate=8_000),
        tone(level=0.5, rate=48_000, channels=2, subtype="FLOAT"),
        tone(level=0.5, rate=44_100, subtype="PCM_24"),
        tone(12.0, level=0.5),
    ],
    ids=["client", "8 kHz", "stereo float", "24 bit", "12 s"],
)
def test_generate_takes_samples_of_any_form(client: httpx.Client, sample: Any) -> None:
    load(client)
    upload(client, "other", sample)
    sound_of(speak(client, speakers=["other.wav"]))
    assert len(model().learned[0]) >= RATE * 0.99
    assert np.abs(model().learned[0]).max() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("sample", "detail"), [(tone(0.5), "0.50 s"), (tone(level=0.0), "silent")], ids=["short", "silent"]
)
def test_generate_refuses_samples_without_a_voice(client: httpx.Client, sample: Any, detail: str) -> None:
    load(client)
    upload(client, "bad", sample)
    refused = speak(client, speakers=["one.wav", "bad.wav"])
    assert refused.status_code == 400
    assert detail in refused.json()["detail"]
    assert "bad.wav" in refused.json()["detail"]


def test_generate_begins_with_a_share_of_each_sample(client: httpx.Client) -> None:
    load(client)
    upload(client, "loud", tone(10.0, level=0.8))
    upload(client, "soft", tone(5.0, level=0.1))
    sound_of(speak(client, speakers=["loud.wav", "soft.wav"]))
    learned = np.abs(model().learned[0])
    assert learned[: 3 * RATE].max() > 0.7
    assert 0.05 < learned[round(3.3 * RATE) : 6 * RATE].max() < 0.2
    assert len(learned) == pytest.approx(15 * RATE, abs=RATE)  # all of both, with pauses


def test_generate_learns_a_speaker_once_and_anew_when_uploaded_again(client: httpx.Client) -> None:
    load(client)
    for exaggeration in (0.5, 1.0, 0.5):
        sound_of(speak(client, exaggeration=exaggeration))
    assert len(model().learned) == 1
    upload(client, "one", tone(2.0))
    sound_of(speak(client))
    assert len(model().learned) == 2
    assert [spoken["speaker"] for spoken in model().spoken] == [1, 1, 1, 2]
    assert [spoken["exaggeration"] for spoken in model().spoken] == [0.5, 1.0, 0.5, 0.5]


def test_generate_learns_a_speaker_without_gradients(client: httpx.Client) -> None:
    """Of resemble-ai/chatterbox issue 218: each speaker would hold the intermediate results of a whole model."""
    load(client)
    sound_of(speak(client))
    assert model().learned_gradients is False


def test_generate_goes_back_to_an_earlier_speaker(client: httpx.Client) -> None:
    load(client)
    upload(client, "two", tone(2.0))
    for speaker in ("one.wav", "two.wav", "one.wav"):
        sound_of(speak(client, speakers=speaker))
    assert [spoken["speaker"] for spoken in model().spoken] == [1, 2, 1]


@pytest.mark.parametrize(
    ("language", "code"), [("zh-cn", "zh"), ("zh", "zh"), ("pt-BR", "pt"), ("EN", "en"), ("no", "no"), ("he", "he")]
)
def test_generate_names_languages_as_the_library_does(client: httpx.Client, language: str, code: str) -> None:
    """It knows "zh" and no "zh-cn", which is what clients send."""
    assert settings_of(client, "multilingual", language=language)["language_id"] == code


def test_generate_in_another_language_with_the_english_model_is_refused(client: httpx.Client) -> None:
    load(client)
    refused = speak(client, language="de")
    assert refused.status_code == 400
    assert "Choose the model 'multilingual'." in refused.json()["detail"]
    assert sound_of(speak(client, language="en-us")).size


def test_generate_without_guidance_works_with_the_english_model(client: httpx.Client) -> None:
    """Of resemble-ai/chatterbox issue 278: it fails at a cfg_weight of exactly 0."""
    assert 0 < settings_of(client, cfg_weight=0.0)["cfg_weight"] < 1e-3


def test_generate_passes_every_parameter_on(client: httpx.Client) -> None:
    given = {"exaggeration": 1.5, "cfg_weight": 0.25, "temperature": 0.3, "min_p": 0.1, "top_p": 0.9}
    spoken = settings_of(client, **given)  # type: ignore[arg-type]
    assert {name: spoken[name] for name in given} == given


@pytest.mark.parametrize(("seed", "seeds"), [(0, []), (7, [7])])
def test_generate_is_seeded_only_when_asked(
    client: httpx.Client, library: dict[str, types.ModuleType], seed: int, seeds: Any
) -> None:
    settings_of(client, seed=seed)
    assert library["torch"].seeds == seeds


def test_generate_answers_16_bit_of_what_passes_full_scale(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library returns float samples, which clients cannot read as WAV."""
    monkeypatch.setattr(StandIn, "peak", 1.7)
    load(client)
    assert sound_of(speak(client)).max() == 32_767


@pytest.mark.parametrize(
    ("name", "language", "text", "longest"),
    [("default", "en", SENTENCE * 9, 300), ("multilingual", "zh", "今天天气很好我们去公园。" * 40, 100)],
)
def test_generate_cuts_long_texts_at_sentences_and_loses_none(
    client: httpx.Client, name: str, language: str, text: str, longest: int
) -> None:
    """Of resemble-ai/chatterbox issues 76 and 181: it stops after 1,000 tokens, whatever is left of the text."""
    load(client, name)
    sound = sound_of(speak(client, text, language))
    pieces = [spoken["text"] for spoken in model().spoken]
    assert max(map(len, pieces)) <= longest
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")
    assert all(piece[-1] in ".。" for piece in pieces)
    spoken_s = sum(0.05 * len(piece) for piece in pieces)
    assert len(sound) / RATE == pytest.approx(spoken_s + 0.2 * (len(pieces) - 1), abs=0.01)


def test_generate_speaks_what_was_cut_off_in_parts(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (SENTENCE * 2).strip()
    monkeypatch.setattr(StandIn, "seconds", {whole: 55.0})
    load(client)
    sound = sound_of(speak(client, whole))
    assert [spoken["text"] for spoken in model().spoken] == [whole, SENTENCE.strip(), SENTENCE.strip()]
    assert len(sound) < 10 * RATE


def test_generate_gives_up_on_babble_that_no_cut_ends(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that fills its 40 s with every text would hold the engine for an hour."""
    monkeypatch.setattr(StandIn, "seconds", collections.defaultdict(lambda: 55.0))
    load(client)
    sound_of(speak(client, SENTENCE * 4))
    assert len(model().spoken) < 20


@pytest.mark.parametrize("text", ["* * *", "…", "—"])
def test_generate_refuses_text_without_a_word_because_the_model_would_babble(client: httpx.Client, text: str) -> None:
    load(client)
    refused = speak(client, text)
    assert refused.status_code == 400
    assert "nothing to speak" in refused.json()["detail"]


def test_generate_leaves_pieces_without_a_word_out(client: httpx.Client) -> None:
    load(client)
    sound_of(speak(client, f"{SENTENCE}{'* ' * 150}{SENTENCE}"))
    assert all(any(map(str.isalnum, spoken["text"])) for spoken in model().spoken)


def test_generate_leaves_no_hooks_behind(client: httpx.Client) -> None:
    """Of resemble-ai/chatterbox issue 504: three more with every text, and slower with each."""
    load(client, "multilingual")
    for _ in range(3):
        sound_of(speak(client))
    assert model().t3.tfmr.layers[0].self_attn._forward_hooks == {}


def test_generate_out_of_memory_is_told_apart(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    load(client)
    monkeypatch.setattr(English, "generate", mock.Mock(side_effect=RuntimeError(CUDA_FULL)))
    failed = speak(client)
    assert failed.status_code == 500
    assert "[GPU_OOM]" in failed.json()["detail"]
