"""VibeVoice's server with a stand-in for its library: both forms of checkpoints, samples, long texts, defects.

The stand-in has the names of transformers 5.23, which tests/real/test_vibevoice.py compares with the library.
"""

import contextlib
import io
import json
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
from engines.contract.errors import RequestError
from engines.tests.cloning import RATE, module, server_in, sound_of, speak, tone, upload
from engines.tests.scripted_engine import serving
from engines.tts.vibevoice.script import script_text
from engines.tts.vibevoice.vibevoice_files import missing_files

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("soxr")

VIBEVOICE = Path(engines.__file__).parent / "tts" / "vibevoice"
HOP = 3_200
SENTENCE = "The quick brown fox jumps over the lazy dog again and again. "  # 61 characters
FILES = ("config.json", "tokenizer.json", "model.safetensors")
CONVERTED = {"model_type": "vibevoice", "text_config": {}}
CODEC = {"vae_dim": 8, "encoder_ratios": [8, 5, 5, 4, 2, 2], "encoder_depths": "3-3-3-3-3-3-8"}
ORIGINAL = {
    "model_type": "vibevoice",
    "decoder_config": {"hidden_size": 32, "torch_dtype": "bfloat16", "tie_word_embeddings": True},
    "acoustic_tokenizer_config": {**CODEC, "fix_std": 0.5},
    "semantic_tokenizer_config": CODEC,
    "diffusion_head_config": {"head_layers": 4, "head_ffn_ratio": 3.0, "hidden_size": 32},
}
TOKENS = {"<|vision_start|>": 1, "<|vision_pad|>": 2, "<|vision_end|>": 3, "<|endoftext|>": 4}
END = TOKENS["<|endoftext|>"]


class Tensor:
    """Sound in the type of the model, which NumPy does not take when it is bfloat16."""

    def __init__(self, sound: "np.ndarray", dtype: str) -> None:
        self.sound, self.dtype = sound, dtype

    def float(self) -> "Tensor":
        return Tensor(self.sound, "float32")

    def cpu(self) -> "Tensor":
        return self

    def numpy(self) -> "np.ndarray":
        if self.dtype == "bfloat16":
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.sound


class Prompt(dict[str, Any]):
    """What a processor returns."""

    def to(self, device: Any, dtype: Any) -> Any:
        return Prompt({**self, "device": device, "dtype": dtype})


class Processor:
    """VibeVoiceProcessor."""

    template: ClassVar[str | None] = None

    def __init__(self, feature_extractor: Any, tokenizer: Any, chat_template: Any = None) -> None:
        self.feature_extractor, self.tokenizer = feature_extractor, tokenizer
        Processor.template = chat_template

    def apply_chat_template(self, conversation: Any, tokenize: bool = True) -> Any:
        ((role, parts),) = [(message["role"], message["content"]) for message in conversation]
        assert (role, [part["type"] for part in parts], tokenize) == ("0", ["text", "audio"], False)
        return parts[0]["text"]

    def __call__(self, text: str, audio: npt.NDArray[np.float32], sampling_rate: Any, return_tensors: Any) -> Any:
        assert (len(audio), sampling_rate, return_tensors) == (1, RATE, "pt")
        return Prompt(input_ids=text, input_values=audio[0])


class FeatureExtractor:
    sampling_rate = RATE


class Tokenizer:
    eos_token_id = END

    @classmethod
    def from_pretrained(cls, folder: Path, local_files_only: bool = False) -> Any:
        assert local_files_only
        if (folder / "tokenizer.json").read_text() != "{}":
            raise ValueError("expected value at line 1 column 1")
        return cls()

    def get_added_vocab(self) -> Any:
        return TOKENS

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        return [TOKENS[token] for token in tokens]


class Config(types.SimpleNamespace):
    """VibeVoiceConfig."""

    @classmethod
    def from_pretrained(cls, folder: Path, local_files_only: bool = False) -> Any:
        assert local_files_only
        settings = json.loads((folder / "config.json").read_text())
        if "text_config" not in settings:
            raise ValueError("`diffusion_head_config.hidden_size` must match `text_config.hidden_size`")
        return cls(**settings)


class Guidance:
    """UnbatchedClassifierFreeGuidanceLogitsProcessor."""


class Model:
    """What VibeVoiceForConditionalGeneration does, as far as the server sees it."""

    loads: ClassVar[list[dict[str, Any]]] = []
    offline: ClassVar[list[str | None]] = []
    load_error: ClassVar[Exception | None] = None
    missing: ClassVar[list[str]] = []
    context: ClassVar[int] = 65_536
    frames: ClassVar[float] = 0.5  # of a character
    weights: ClassVar[int] = 7
    error: ClassVar[Exception | None] = None

    def __init__(self, config: Any) -> None:
        text_config = types.SimpleNamespace(max_position_embeddings=Model.context)
        audio_config = types.SimpleNamespace(hop_length=HOP)
        self.config = types.SimpleNamespace(
            text_config=text_config, audio_config=audio_config, eos_token_id=END, pad_token_id=END
        )
        self.dtype = "float32"
        self.prompts: list[Any] = []
        self.settings: list[Any] = []
        self.processors = self._get_logits_processor()

    @classmethod
    def from_pretrained(cls, folder: Path, **options: Any) -> tuple[Any, ...]:
        Model.offline.append(os.environ.get("HF_HUB_OFFLINE"))
        Model.loads.append(options)
        if Model.load_error:
            raise Model.load_error
        model = cls(options["config"])
        model.dtype = options["dtype"]
        return model, {"missing_keys": set(Model.missing), "mismatched_keys": set()}

    def num_parameters(self) -> Any:
        return Model.weights

    def _get_logits_processor(self, *args: Any, **kwargs: Any) -> list[Any]:
        return [Guidance(), "the tokens of sound"]

    def eval(self) -> Any:
        return self

    def generate(self, input_ids: Any, input_values: Any, device: Any, dtype: Any, **settings: Any) -> Any:
        if Model.error:
            raise Model.error
        self.prompts.append(input_ids)
        self.settings.append({**settings, "device": device, "voice": input_values})
        assert dtype == self.dtype
        wanted = round(len(input_ids) * Model.frames)
        spoken = min(wanted, settings["max_new_tokens"])
        sound = Tensor(np.full((1, spoken * HOP), abs(input_values).max(), np.float32), self.dtype)
        last = END if wanted < settings["max_new_tokens"] else TOKENS["<|vision_pad|>"]
        return types.SimpleNamespace(audio=[sound if spoken else None], sequences=np.array([[1, last]]))


class Torch(types.ModuleType):
    bfloat16, float32 = "bfloat16", "float32"

    def __init__(self) -> None:
        super().__init__("torch")
        self.seeds: list[int] = []
        self.gpu = False
        self.cuda = types.SimpleNamespace(is_available=lambda: self.gpu, empty_cache=lambda: None)
        self.inference_mode, self.device = contextlib.nullcontext, contextlib.nullcontext
        self.manual_seed = self.seeds.append

    def seed(self) -> int:
        return 1_000_000 + len(self.seeds)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.SimpleNamespace]:
    """The stand-in in the place of the library; yields what a test may change."""
    torch = Torch()
    flash = types.SimpleNamespace(installed=False)
    logging = types.SimpleNamespace(disable_progress_bar=lambda: None)
    for replacement in (
        torch,
        module("transformers.utils", logging=logging, is_flash_attn_2_available=lambda: flash.installed),
        module(
            "transformers",
            VibeVoiceProcessor=Processor,
            VibeVoiceAcousticTokenizerFeatureExtractor=FeatureExtractor,
            Qwen2TokenizerFast=Tokenizer,
            VibeVoiceConfig=Config,
            VibeVoiceForConditionalGeneration=Model,
            LogitsProcessorList=list,
            UnbatchedClassifierFreeGuidanceLogitsProcessor=Guidance,
        ),
    ):
        monkeypatch.setitem(sys.modules, replacement.__name__, replacement)
    for name in ("load_error", "missing", "context", "frames", "weights", "error"):
        monkeypatch.setattr(Model, name, getattr(Model, name))
    monkeypatch.setattr(Model, "loads", [])
    monkeypatch.setattr(Model, "offline", [])
    derived = "engines.tts.vibevoice.speaking_model"  # from the stand-in's class: for this test alone
    sys.modules.pop(derived, None)
    with mock.patch.dict(os.environ):
        os.environ.pop("HF_HUB_OFFLINE", None)
        yield types.SimpleNamespace(torch=torch, flash=flash)
    sys.modules.pop(derived, None)


def put_model(folder: Path, settings: dict[str, Any]) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The engine's folder without a model."""
    shutil.copy2(VIBEVOICE / "engine.yaml", tmp_path)
    return tmp_path


@pytest.fixture
def engine(library: types.SimpleNamespace, folder: Path) -> Any:
    """The server with a model of each form mounted, not served yet."""
    put_model(folder / "external_models" / "converted", CONVERTED)
    put_model(folder / "external_models" / "original", ORIGINAL)
    return server_in(folder, VIBEVOICE, "VibeVoiceServer")


@pytest.fixture
def client(engine: Any) -> Iterator[httpx.Client]:
    """A client of that server with a loaded model and a speaker."""
    with serving(engine) as client:
        assert load(client, "converted").status_code == 200
        upload(client, "one", tone())
        yield client


def model_of(engine: Any) -> Model:
    model: Model = engine._narrator._model
    return model


def load(client: httpx.Client, name: str) -> httpx.Response:
    return client.post("/load", json={"engineModelName": name})


def test_answer_is_16_bit_pcm_although_the_model_speaks_bfloat16_on_a_gpu(
    library: types.SimpleNamespace, engine: Any
) -> None:
    library.torch.gpu = True
    with serving(engine) as client:
        assert load(client, "converted").status_code == 200
        assert client.get("/health").json()["device"] == "cuda"
        upload(client, "one", tone())
        assert len(sound_of(speak(client, "Good morning."))) == round(len("Good morning.") * 0.5) * HOP
        assert model_of(engine).settings[0]["device"] == "cuda"
    assert [Model.loads[0][name] for name in ("dtype", "device_map")] == ["bfloat16", "cuda"]


def test_weights_are_32_bits_on_a_cpu_and_never_unpickled(engine: Any, client: httpx.Client) -> None:
    assert {name: Model.loads[0][name] for name in ("dtype", "device_map", "use_safetensors", "local_files_only")} == {
        "dtype": "float32",
        "device_map": "cpu",
        "use_safetensors": True,
        "local_files_only": True,
    }
    assert client.get("/health").json()["device"] == "cpu"


@pytest.mark.parametrize(
    ("gpu", "installed", "asked_for"),
    [
        (True, True, {"text_config": "flash_attention_2"}),
        (True, False, None),
        (False, True, None),
    ],
)
def test_flash_attention_is_asked_for_only_where_it_can_be_used(
    library: types.SimpleNamespace, engine: Any, gpu: bool, installed: bool, asked_for: dict[str, Any] | None
) -> None:
    library.torch.gpu, library.flash.installed = gpu, installed
    with serving(engine) as client:
        assert load(client, "converted").status_code == 200
    assert Model.loads[0].get("attn_implementation") == asked_for


def test_without_a_model_none_is_listed_or_downloaded_and_the_answer_says_how_to_mount_one(
    library: types.SimpleNamespace, folder: Path
) -> None:
    with serving(server_in(folder, VIBEVOICE, "VibeVoiceServer")) as client:
        assert client.get("/models").json()["models"] == []
        answer = load(client, "VibeVoice-1.5B")
    assert answer.status_code == 404
    assert "external_models (the mount)" in answer.text
    assert "nothing is downloaded" in answer.text
    assert not any("download" in model for model in yaml.safe_load((folder / "engine.yaml").read_text())["models"])


def test_mounted_models_are_listed_and_linked(folder: Path, client: httpx.Client) -> None:
    assert [model["name"] for model in client.get("/models").json()["models"]] == ["converted", "original"]
    assert (folder / "models" / "converted").is_symlink()


def test_library_is_offline_before_its_import(client: httpx.Client) -> None:
    assert Model.offline == ["1"]


@pytest.mark.parametrize("missing", FILES)
def test_folder_that_lacks_a_file_is_no_model_and_the_log_says_once_which(
    engine: Any, caplog: pytest.LogCaptureFixture, missing: Any
) -> None:
    (engine.external_models_dir / "original" / missing).unlink()
    for _ in range(3):
        assert [model.name for model in engine.get_available_models()] == ["converted"]
    (warning,) = [record.getMessage() for record in caplog.records if record.name.endswith("server")]
    assert "'original'" in warning
    assert missing in warning


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        (["model.safetensors"], []),
        ([], ["model.safetensors"]),
        (["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"], []),
        (
            ["model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors"],
            ["model-00002-of-00003.safetensors", "model.safetensors.index.json"],
        ),
        (["model-00001-of-00002.safetensors.part"], ["model.safetensors"]),
    ],
)
def test_weights_in_several_files_are_missed_one_by_one(tmp_path: Path, files: Any, missing: Any) -> None:
    for name in ("config.json", "tokenizer.json", *files):
        (tmp_path / name).touch()
    assert missing_files(tmp_path) == missing


def test_original_checkpoint_is_read_in_the_terms_of_the_library(client: httpx.Client) -> None:
    """It fails with "`diffusion_head_config.hidden_size` must match" when it is read as a converted one."""
    assert load(client, "original").status_code == 200
    converted, original = Model.loads
    assert converted["key_mapping"] is None
    assert vars(converted["config"]) == CONVERTED
    config = original["config"]
    assert config.audio_config["downsampling_ratios"] == [2, 2, 4, 5, 5, 8]
    assert config.audio_config["depths"] == [3, 3, 3, 3, 3, 3, 8]
    assert config.audio_config["vae_std"] == pytest.approx(0.625)
    assert config.diffusion_head_config["intermediate_size"] == 96
    assert config.text_config == {"hidden_size": 32, "tie_word_embeddings": True}
    assert (config.audio_token_id, config.eos_token_id) == (2, END)
    assert r"model\.prediction_head\." in original["key_mapping"]
    assert Processor.template
    assert Processor.template.endswith(" Speech output:\n<|vision_start|>")


def test_original_checkpoint_without_its_settings_is_refused(folder: Path, client: httpx.Client) -> None:
    put_model(folder / "external_models" / "half", {"model_type": "vibevoice", "decoder_config": {}})
    answer = load(client, "half")
    assert answer.status_code == 400
    assert "cannot be loaded" in answer.text


def test_missing_weights_are_refused_because_the_library_would_make_them_up(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Model, "missing", ["lm_head.weight", "model.a.weight"])
    with serving(engine) as client:
        answer = load(client, "original")
    assert answer.status_code == 400
    assert "lacks 2 of its weights, for example lm_head.weight" in answer.text


def test_tokenizer_of_another_model_is_refused_because_it_has_no_words_for_sound(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(TOKENS, "<|vision_pad|>")
    answer = load(client, "original")
    assert answer.status_code == 400
    assert "lacks <|vision_pad|>. Put that of Qwen2.5-1.5B there." in answer.text


def test_settings_of_a_larger_model_than_the_files_hold_are_refused_before_memory_is_taken(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library would take memory for all of their weights before it looks into the files."""
    monkeypatch.setattr(Model, "weights", 8_000_000_000)
    with serving(engine) as client:
        answer = load(client, "converted")
    assert answer.status_code == 400
    assert "for 8,000,000,000 weights, but its files have 7 bytes" in answer.text
    assert Model.loads == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param('{"model_type": "vibevoice_streaming"}', "VibeVoice-Realtime", id="realtime"),
        pytest.param('{"model_type": "vibevoice_asr"}', "VibeVoice-ASR", id="asr"),
        pytest.param('{"model_type": "qwen2"}', "of the type 'qwen2'", id="another model"),
        pytest.param("[]", "of the type None", id="no settings"),
        pytest.param("{", "cannot be read", id="torn"),
        pytest.param("<html>", "cannot be read", id="a web page"),
    ],
)
def test_model_of_another_kind_is_refused_with_its_name(
    folder: Path, client: httpx.Client, settings: str, words: str
) -> None:
    put_model(folder / "external_models" / "other", {})
    (folder / "external_models" / "other" / "config.json").write_text(settings)
    answer = load(client, "other")
    assert answer.status_code == 400
    assert words in answer.text
    assert client.get("/health").json()["status"] == "ready"


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (RuntimeError("Error while deserializing header: incomplete metadata"), 400, "Copy its files again"),
        (OSError("Error no file named model.safetensors found in directory"), 400, "Copy its files again"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), 500, "[GPU_OOM]"),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), 500, "illegal memory access"),
        (MemoryError(), 500, "Out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."), 500, "memory"),
        (OSError(5, "Input/output error"), 500, "Input/output error"),
        (ImportError("Using a `device_map` requires Accelerate"), 500, "Accelerate"),
    ],
)
def test_failed_load_tells_files_that_never_load_from_what_may_pass(
    engine: Any, monkeypatch: pytest.MonkeyPatch, error: Any, status: int, words: str
) -> None:
    monkeypatch.setattr(Model, "load_error", error)
    with serving(engine) as client:
        answer = load(client, "original")
        assert (answer.status_code, words in answer.text) == (status, True), answer.text
        monkeypatch.setattr(Model, "load_error", None)
        assert load(client, "converted").status_code == 200


def test_gpu_that_is_full_while_it_speaks_is_told_apart(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Model, "error", RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"))
    answer = speak(client, "Hello.")
    assert answer.status_code == 500
    assert "[GPU_OOM]" in answer.text


def test_swap_forgets_the_model_and_its_speakers(engine: Any, client: httpx.Client) -> None:
    sound_of(speak(client, "Hello."))
    assert len(engine._voices) == 1
    assert load(client, "original").status_code == 200
    assert len(engine._voices) == 0


def test_guidance_reaches_the_sound_but_not_the_choice_of_words(engine: Any, client: httpx.Client) -> None:
    """transformers also guides the language model with it, which ends speech elsewhere than the original does."""
    sound_of(speak(client, "Hello.", cfg_scale=1.5))
    assert model_of(engine).settings[-1]["guidance_scale"] == 1.5
    assert model_of(engine).processors == ["the tokens of sound"]


def test_parameters_reach_the_library_in_its_types(engine: Any, client: httpx.Client) -> None:
    sound_of(speak(client, "Hello.", cfg_scale=2, diffusion_steps=7.0))
    settings = model_of(engine).settings[-1]
    assert [settings[name] for name in ("guidance_scale", "num_diffusion_steps")] == [2.0, 7]
    assert type(settings["num_diffusion_steps"]) is int
    assert settings["do_sample"] is False


def test_sampling_reaches_the_library_with_what_belongs_to_it(engine: Any, client: httpx.Client) -> None:
    sound_of(speak(client, "Hello.", do_sample=1, temperature=0.7, top_p=0.5))
    settings = model_of(engine).settings[-1]
    assert [settings[name] for name in ("do_sample", "temperature", "top_p")] == [True, 0.7, 0.5]
    sound_of(speak(client, "Hello.", temperature=0.7))
    assert not {"temperature", "top_p"} & set(model_of(engine).settings[-1])


@pytest.mark.parametrize("language", ["en", "zh", "de", "fr", "it", "ja", "ko", "nl", "pl", "pt", "es"])
def test_languages_of_the_reference_are_spoken(client: httpx.Client, language: str) -> None:
    assert speak(client, "Hello.", language).status_code == 200


@pytest.mark.parametrize(
    ("name", "value"), [("cfg_scale", 0.9), ("cfg_scale", 3.1), ("diffusion_steps", 0), ("diffusion_steps", 51)]
)
def test_parameters_out_of_range_are_refused(client: httpx.Client, name: str, value: float) -> None:
    assert speak(client, "Hello.", **{name: value}).status_code == 400  # type: ignore[arg-type]


def test_seed_repeats_and_0_draws_a_new_one(library: types.SimpleNamespace, client: httpx.Client) -> None:
    for seed in (7, 7, 0, 0):
        sound_of(speak(client, "Hello.", seed=seed))
    first, second, third, fourth = library.torch.seeds
    assert first == second == 7
    assert len({7, third, fourth}) == 3


@pytest.mark.parametrize("language", ["zh-cn", "zh", "zh-TW", "ZH_CN", "en-GB"])
def test_language_with_a_region_is_understood(client: httpx.Client, language: str) -> None:
    sound_of(speak(client, "你好。", language))


def test_language_that_nobody_tried_is_refused(client: httpx.Client) -> None:
    answer = speak(client, "God morgen.", "no")
    assert answer.status_code == 400
    assert "en, zh" in answer.text


def test_long_text_is_cut_before_the_noise_that_is_reported_from_1500_characters_on(
    engine: Any, client: httpx.Client
) -> None:
    """microsoft/VibeVoice, issues 107 and 109."""
    text = (SENTENCE * 39).strip()
    sound = sound_of(speak(client, text))
    passages = model_of(engine).prompts
    assert " ".join(passages) == text
    assert [len(passage) for passage in passages] == [61 * 19 - 1, 61 * 19 - 1, 60]
    frames = sum(round(len(passage) * 0.5) for passage in passages)
    assert len(sound) == frames * HOP + 2 * round(0.2 * RATE)


def test_passages_fit_into_a_small_context_with_the_voice_and_the_sound(
    library: types.SimpleNamespace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Model, "context", 1_024)
    put_model(folder / "models" / "small", CONVERTED)
    engine = server_in(folder, VIBEVOICE, "VibeVoiceServer")
    with serving(engine) as client:
        assert load(client, "small").status_code == 200
        upload(client, "one", tone())
        sound_of(speak(client, SENTENCE * 20))
        sound_of(speak(client, "这是一个很长的句子" * 30, "zh"))
        model = model_of(engine)
    assert "".join("".join(model.prompts).split()) == "".join((SENTENCE * 20).split()) + "这是一个很长的句子" * 30
    for passage, settings in zip(model.prompts, model.settings, strict=True):
        voice = -(-len(settings["voice"]) // HOP)
        assert len(passage.encode()) + voice + settings["max_new_tokens"] < 1_024


def test_samples_that_fill_a_small_context_are_refused(
    library: types.SimpleNamespace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Model, "context", 600)
    put_model(folder / "models" / "small", CONVERTED)
    with serving(server_in(folder, VIBEVOICE, "VibeVoiceServer")) as client:
        assert load(client, "small").status_code == 200
        upload(client, "long", tone(60.0, 8_000))
        answer = speak(client, "Hello.", "en", "long")
    assert answer.status_code == 400
    assert "Use shorter samples" in answer.text


def test_passage_without_an_end_is_refused_instead_of_cut_off(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Model, "frames", 100)
    answer = speak(client, "Hello, you.")
    assert answer.status_code == 400
    assert "did not end within 14 s for a passage of 11 characters" in answer.text
    assert "Hello" not in answer.text


def test_passage_that_stays_silent_is_refused(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Model, "frames", 0)
    answer = speak(client, "Hello.")
    assert answer.status_code == 400
    assert "stayed silent" in answer.text


def test_passages_without_a_word_are_left_out(engine: Any, client: httpx.Client) -> None:
    sound_of(speak(client, f"{SENTENCE * 2}{'- ' * 1_100}Yes."))
    assert all(any(map(str.isalnum, passage)) for passage in model_of(engine).prompts)


@pytest.mark.parametrize("text", ["…", "—", "?!", "<|vision_pad|>"])
def test_text_without_a_word_is_refused_because_the_model_would_babble(client: httpx.Client, text: str) -> None:
    answer = speak(client, text)
    assert answer.status_code == 400
    assert "nothing to speak" in answer.text


def test_words_that_command_the_model_are_not_given_to_it(engine: Any, client: httpx.Client) -> None:
    sound_of(speak(client, "One <|vision_pad|>two<|endoftext|> three."))
    assert model_of(engine).prompts == ["One two three."]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("你好，世界！「再见。」", "你好, 世界! 再见."),
        ("他说：“好（吗）？”", '他说, "好 (吗)? "'),
        ("It’s “late”.\n\nGo\thome!", 'It\'s "late". Go home!'),
        ("Plain text, as it is.", "Plain text, as it is."),
        ("<|im_start|>Hi<|im_<|im_start|>start|>.", "Hi<|im_ start|>."),
    ],
)
def test_script_has_the_punctuation_that_upstream_advises(text: str, line: str) -> None:
    assert script_text(text, {"<|im_start|>"}) == line


def test_script_of_nothing_but_commands_is_refused() -> None:
    with pytest.raises(RequestError, match="nothing to speak"):
        script_text(" <a> <ab> ", {"<a>", "<ab>"})


@pytest.mark.parametrize(
    "wav",
    [
        pytest.param(tone(rate=RATE), id="one second"),
        pytest.param(tone(1.0, 8_000), id="telephone"),
        pytest.param(tone(70.0, 8_000), id="longer than is heard"),
        pytest.param(tone(2.5, 44_100, 2), id="stereo"),
        pytest.param(tone(3.0, 48_000, 2, subtype="FLOAT"), id="float"),
        pytest.param(tone(1.0, 96_000, subtype="PCM_24"), id="24 bits"),
    ],
)
def test_sample_of_any_form_is_heard_at_the_models_rate(engine: Any, client: httpx.Client, wav: Any) -> None:
    upload(client, "two", wav)
    sound_of(speak(client, "Hello.", "en", "two"))
    voice = model_of(engine).settings[-1]["voice"]
    assert len(voice) == pytest.approx(min(soundfile.info(io.BytesIO(wav)).duration, 60) * RATE, abs=2)
    assert abs(voice).max() == pytest.approx(0.3, abs=0.03)


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


def test_several_samples_are_one_voice_with_an_equal_share_of_each(engine: Any, client: httpx.Client) -> None:
    upload(client, "long", tone(70.0, 8_000, level=0.1))
    sound_of(speak(client, "Hello.", "en", "long", "one"))
    voice = model_of(engine).settings[-1]["voice"]
    assert len(voice) == pytest.approx((30 + 0.2 + 1) * RATE, abs=2)
    assert abs(voice[: 30 * RATE]).max() < 0.2 < abs(voice[-RATE:]).max()


def test_speaker_is_read_once_and_anew_after_another_upload(engine: Any, client: httpx.Client) -> None:
    for _ in range(2):
        quiet = sound_of(speak(client, "Hello."))
    first, second = (settings["voice"] for settings in model_of(engine).settings)
    assert first is second
    upload(client, "one", tone(level=0.9))
    assert sound_of(speak(client, "Hello.")).max() > 2 * quiet.max()


def test_without_a_sample_it_is_refused(client: httpx.Client) -> None:
    answer = client.post("/generate", json={"text": "Hello.", "language": "en", "ttsSpeakerWav": ""})
    assert answer.status_code == 400
    assert "requires speaker samples" in answer.text


def test_server_listens_before_it_imports_the_library() -> None:
    code = (
        "import sys, runpy; runpy.run_path('server.py', run_name='looked_at'); "
        "print({'torch', 'transformers', 'numpy', 'soundfile'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=VIBEVOICE, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
