"""What is installed, what is missing, and what to do about it."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core_engine.installation import install_command
from core_engine.model_paths import BUILT_IN, KOKORO, model_path
from core_engine.places import media_root, models_dir


@dataclass(frozen=True)
class Finding:
    """What one look found."""

    what: str
    ok: bool
    """Whether it is as it should be."""
    detail: str
    needed: bool = True
    """Whether narrating cannot work without it."""


def findings() -> Iterator[Finding]:
    """Look at everything that narrating needs, in the order in which it is used."""
    yield Finding("Python", sys.version_info >= (3, 10), f"{sys.version.split()[0]} (3.10 or newer is needed)")
    yield from _tried("onnxruntime", _runtime)
    yield from _tried("espeak-ng", _espeak)
    yield from _tried("Built-in voice", _built_in_voice)
    yield _kokoro()
    yield from _models()
    yield from _tried("Write permission", _writing)


def _tried(what: str, look: Callable[[], str]) -> Iterator[Finding]:
    try:
        yield Finding(what, True, look())
    except Exception as error:  # whatever it is, the person who asked wants to read it
        yield Finding(what, False, f"{error or type(error).__name__}")


def _runtime() -> str:
    import onnxruntime

    from core_engine.kokoro.cores import allowed_cores

    providers = ", ".join(name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers())
    return f"{onnxruntime.__version__} on {providers}; {allowed_cores()} cores"


def _espeak() -> str:
    from core_engine.kokoro.phonemes import phonemize

    return ", ".join(f"{language} {phonemize('tomato', language)}" for language in ("en-us", "en-gb"))


def _built_in_voice() -> str:
    return _spoken(model_path(BUILT_IN, models_dir()))


def _spoken(path: Path) -> str:
    """Let a model speak, which is the only proof that it can, and say on what and with which voices it did."""
    from core_engine.kokoro.synthesis import Kokoro

    kokoro = Kokoro.load(path)
    speech = kokoro.speak("One, two, three.")
    provider = kokoro.session.get_providers()[0].removesuffix("ExecutionProvider")
    return f"spoke for {len(speech.audio) / speech.sample_rate:.1f} s on {provider}; {', '.join(sorted(kokoro.voices))}"


def _kokoro() -> Finding:
    path = model_path(KOKORO, models_dir())
    if not path.is_file():
        detail = f"not installed; `storyflow models pull {KOKORO}` puts it into '{path.parent}'"
        return Finding("Kokoro", False, f"{detail}. Until then the built-in voice speaks.", needed=False)
    return next(iter(_tried("Kokoro", lambda: _spoken(path))))


def _models() -> Iterator[Finding]:
    """Look at every other installed model, and at whether one has changed; none of them is needed."""
    from core_engine.kokoro.phonemes_v1_0 import can_phonemize_v1_0
    from core_engine.kokoro.voice_packs import find_voices
    from storyflow.models.library import installed

    for name, model in installed(models_dir()).items():
        voices = len(find_voices(model.path.parent))
        if model.problem:
            yield Finding(f"Model {name}", False, model.problem, needed=False)
        elif name.startswith("kokoro-v1.0") and not can_phonemize_v1_0():
            advice = f"`{install_command('dictionary')}` and `python -m spacy download en_core_web_sm` install it"
            yield Finding(
                f"Model {name}", False, f"{model.path} needs a text side that is missing; {advice}", needed=False
            )
        elif name != KOKORO:
            yield Finding(f"Model {name}", bool(voices), f"{model.path} with {voices} voices", needed=False)


def _writing() -> str:
    folder = media_root()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return f"'{folder}' can be written"
    except OSError as error:
        advice = "Set MEDIA_ROOT to a folder that is yours."
        raise OSError(f"'{existing}' cannot be written: {error.strerror}. {advice}") from error
