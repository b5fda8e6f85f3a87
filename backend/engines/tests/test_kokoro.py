"""The Kokoro engine: the built-in voice, mounted models in both forms, voices by name."""

import io
import shutil
import subprocess
import sys
import wave
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import engines
from core_engine.kokoro.voice.voices import VOICES
from core_engine.tests.heard import median_pitch_hz
from core_engine.tests.support import install
from engines.conformance.trial import Trial, trial_of

pytest.importorskip("onnxruntime")

KOKORO = Path(engines.__file__).parent / "tts" / "kokoro"
BUILT_IN = KOKORO / "models" / "default"
ONNX = BUILT_IN / "storyflow-voice.onnx"
VOICES_FILE = BUILT_IN / "voices.npz"


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with trial_of(KOKORO) as trial:
        trial.start()
        yield trial


def load(trial: Trial, name: str) -> int:
    return trial.post("/load", {"engineModelName": name}).status


def speak(trial: Trial, text: str = "Good morning.", language: str = "en", **parameters: float) -> "np.ndarray":
    answer = trial.post("/generate", {"text": text, "language": language, "parameters": parameters})
    assert answer.status == 200, answer.body
    with wave.open(io.BytesIO(answer.body)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def pitch_hz(sound: "np.ndarray") -> float:
    """Return the median of the fundamental frequency."""
    return median_pitch_hz((sound / 32_768).astype(np.float32), 24_000)


def test_models_list_every_voice_by_name(trial: Trial) -> None:
    names = [name for name in trial.listed() if name.split(".")[0] == "default"]
    assert names == ["default", *(f"default.{voice}" for voice in sorted(voice.id for voice in VOICES))]


@pytest.mark.parametrize("name", ["default", "default.bf_emma", "default.am_adam"])
def test_every_listed_name_loads_and_is_echoed(trial: Trial, name: str) -> None:
    assert load(trial, name) == 200
    assert trial.get("/health").json()["currentEngineModel"] == name
    assert len(speak(trial)) > 12_000


def test_voices_sound_different(trial: Trial) -> None:
    load(trial, "default.af_bella")
    bella = pitch_hz(speak(trial))
    load(trial, "default.am_adam")
    assert pitch_hz(speak(trial)) < bella


def test_audio_is_normalised_to_minus_1_db(trial: Trial) -> None:
    load(trial, "default")
    assert np.abs(speak(trial).astype(int)).max() == pytest.approx(32768 * 10 ** (-1 / 20), rel=0.002)


def test_speed_is_obeyed(trial: Trial) -> None:
    load(trial, "default")
    assert len(speak(trial, speed=2.0)) < 0.7 * len(speak(trial, speed=1.0))


@pytest.mark.parametrize("language", ["en", "en-us", "en-gb", "en-AU"])
def test_languages_are_accents(trial: Trial, language: str) -> None:
    load(trial, "default")
    assert len(speak(trial, language=language)) > 12_000


@pytest.fixture(scope="module")
def many_languages(trial: Trial) -> str:
    """Return the name of a mounted model with v1.0 voices of three languages."""
    name = "tongues"
    install(trial.external_models_dir, name, voices=("af_bella", "bf_emma", "ef_dora", "pf_dora"))
    return name


def test_models_tell_the_languages_of_their_voices(trial: Trial, many_languages: str) -> None:
    told = {model["name"]: model["languages"] for model in trial.get("/models").json()["models"]}
    assert told["default"] == told[many_languages] == told[f"{many_languages}.bf_emma"] == ["en", "en-us", "en-gb"]
    assert told[f"{many_languages}.ef_dora"] == ["es"]
    assert told[f"{many_languages}.pf_dora"] == ["pt", "pt-br"]


@pytest.mark.parametrize(("voice", "language"), [("ef_dora", "es-MX"), ("pf_dora", "pt"), ("pf_dora", "pt-BR")])
def test_voice_speaks_its_own_language(trial: Trial, many_languages: str, voice: str, language: str) -> None:
    assert load(trial, f"{many_languages}.{voice}") == 200
    assert len(speak(trial, "Bom dia, senhora Lima.", language)) > 12_000


@pytest.mark.parametrize(("voice", "language"), [("ef_dora", "en"), ("af_bella", "es"), ("pf_dora", "hi")])
def test_request_in_another_language_than_the_voice_s_is_refused(
    trial: Trial, many_languages: str, voice: str, language: str
) -> None:
    load(trial, f"{many_languages}.{voice}")
    answer = trial.post("/generate", {"text": "Hola.", "language": language})
    assert answer.status == 400
    assert f"'{voice}' speaks" in answer.json()["detail"]
    assert trial.get("/health").json()["status"] == "ready"


@pytest.mark.skipif(find_spec("misaki") is not None, reason="misaki is installed")
def test_voice_whose_language_nothing_can_read_says_what_to_install(trial: Trial) -> None:
    install(trial.external_models_dir, "japanese", voices=("jf_alpha",))
    answer = trial.post("/load", {"engineModelName": "japanese.jf_alpha"})
    assert answer.status == 400
    assert "misaki[ja]" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("text", "status"),
    [("?!", 400), ("\u200b", 400), ("a", 200), ("$", 200), ("漢字", 200), ("\0hello", 200)],
)
def test_text_that_cannot_be_spoken_is_refused_and_never_a_failure(trial: Trial, text: str, status: int) -> None:
    load(trial, "default")
    answer = trial.post("/generate", {"text": text, "language": "en"})
    assert answer.status == status
    assert trial.get("/health").json()["status"] == "ready"


@pytest.mark.parametrize("text", ["...", "* * *", "— — —", "\u2026"])
def test_scene_break_is_silence_of_the_documented_length(trial: Trial, text: str) -> None:
    load(trial, "default")
    silence = speak(trial, text)
    assert len(silence) == 1.5 * 24_000
    assert not silence.any()


def test_longest_text_is_spoken_to_the_end(trial: Trial) -> None:
    load(trial, "default")
    sentence = "The old house stood on the hill. "
    text = (sentence * 200)[:5000]
    alone = len(speak(trial, sentence))
    assert len(speak(trial, text)) > 0.8 * alone * 5000 / len(sentence)


def test_bare_files_as_users_have_them_become_a_model(trial: Trial) -> None:
    external = trial.external_models_dir
    shutil.copy(ONNX, external / "kokoro-v0_19.onnx")
    shutil.copy(VOICES_FILE, external / "voices.bin")
    assert {"kokoro-v0_19", "kokoro-v0_19.bf_emma"} <= set(trial.listed())
    assert "voices" not in trial.listed()
    assert load(trial, "kokoro-v0_19.bf_emma") == 200
    assert len(speak(trial)) > 12_000


def test_voices_that_are_baked_in_win_over_those_beside_the_mounted_model(tmp_path: Path) -> None:
    shutil.copytree(KOKORO, tmp_path / "kokoro", ignore=shutil.ignore_patterns("venv", "models", "external_models"))
    models, external = tmp_path / "kokoro" / "models", tmp_path / "kokoro" / "external_models"
    models.mkdir()
    external.mkdir()
    with np.load(VOICES_FILE) as packs:
        np.savez(models / "voices.npz", af_bella=packs["am_adam"])  # so that one can hear which of them it is
        np.savez(external / "voices.npz", af_bella=packs["af_bella"])
    shutil.copy(ONNX, external / "kokoro-v0_19.onnx")
    with trial_of(tmp_path / "kokoro") as mounted:
        mounted.external_models_dir.mkdir(exist_ok=True)
        for file in external.iterdir():
            shutil.copy(file, mounted.external_models_dir)
        mounted.start()
        assert load(mounted, "kokoro-v0_19.af_bella") == 200
        baked_in = pitch_hz(speak(mounted))
    with trial_of(KOKORO) as built_in:
        built_in.start()
        load(built_in, "default.am_adam")
        assert baked_in == pytest.approx(pitch_hz(speak(built_in)))


def test_bare_model_without_voices_is_not_listed() -> None:
    with trial_of(KOKORO) as trial:
        trial.external_models_dir.mkdir()
        shutil.copy(ONNX, trial.external_models_dir / "kokoro-v0_19.onnx")
        trial.start()
        assert not [name for name in trial.listed() if name.startswith("kokoro")]
        assert load(trial, "kokoro-v0_19") == 404


def test_mounted_folder_becomes_a_model(trial: Trial) -> None:
    folder = trial.external_models_dir / "my-kokoro"
    (folder / "voices").mkdir(parents=True)
    shutil.copy(ONNX, folder / "kokoro-v0_19.onnx")
    shutil.copy(VOICES_FILE, folder / "voices" / "pack.npz")
    assert load(trial, "my-kokoro") == 200
    assert load(trial, "my-kokoro.af_nicole") == 200
    assert load(trial, "my-kokoro.nobody") == 404


@pytest.mark.parametrize("content", [b"Not found", b"", bytes(1000)])
def test_file_that_is_no_model_is_refused_and_remembered(trial: Trial, content: bytes) -> None:
    folder = trial.external_models_dir / "page"
    folder.mkdir(exist_ok=True)
    (folder / "kokoro-v0_19.onnx").write_bytes(content)
    shutil.copy(VOICES_FILE, folder / "voices.npz")
    before = trial.log.count("Loading model 'page'")
    answers = [trial.post("/load", {"engineModelName": "page"}) for _ in range(2)]
    assert [answer.status for answer in answers] == [400, 400]
    assert trial.log.count("Loading model 'page'") == before + 1
    assert load(trial, "default") == 200
    assert len(speak(trial)) > 12_000


def test_voice_that_is_added_to_a_loaded_model_can_be_chosen(trial: Trial) -> None:
    load(trial, "default")
    with np.load(VOICES_FILE) as packs:
        np.savez(trial.models_dir / "default" / "zz_more.npz", af_new=packs["af_bella"])
    assert load(trial, "default.af_new") == 200
    assert len(speak(trial)) > 12_000
    (trial.models_dir / "default" / "zz_more.npz").unlink()


def test_changing_only_the_voice_keeps_the_session(trial: Trial) -> None:
    load(trial, "default.af_bella")
    answer = trial.post("/load", {"engineModelName": "default.af_sarah"})
    assert answer.status == 200
    assert answer.seconds < 0.5


def test_server_listens_before_it_imports_the_runtime() -> None:
    code = "import sys, runpy; runpy.run_path('server.py', run_name='looked_at'); print('onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=KOKORO, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_server_needs_no_django() -> None:
    code = (
        "import sys, runpy; sys.modules['django'] = None; "
        "server = runpy.run_path('server.py', run_name='looked_at')['KokoroServer'](); "
        "import pathlib; server.models_dir = pathlib.Path('models'); "
        "server.load_model('default'); "
        "print(server.generate_audio('Hello.', 'en', [], {'speed': 1.0})[:4].decode())"
    )
    script = f"import sys; sys.argv[0] = 'server.py'; {code}"
    done = subprocess.run([sys.executable, "-c", script], cwd=KOKORO, capture_output=True, text=True)
    assert done.stdout.strip() == "RIFF", done.stderr


def test_missing_model_is_told_with_the_command_that_gets_it() -> None:
    with trial_of(KOKORO) as trial:  # one of its own: other tests give theirs this very model
        trial.start()
        answer = trial.post("/load", {"engineModelName": "kokoro-v0_19"})
    assert answer.status == 404
    assert b"storyflow models pull kokoro-v0_19" in answer.body
