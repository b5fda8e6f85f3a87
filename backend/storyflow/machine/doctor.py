"""Check what is installed and what is missing, with advice."""

import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core_engine.model_choice import best_model
from core_engine.model_paths import BUILT_IN, RECOMMENDED, model_path
from core_engine.places import media_root, models_dir

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    what: str
    ok: bool
    """Whether the check passed."""
    detail: str
    needed: bool = True
    """Whether narrating needs it."""


def findings() -> Iterator[Finding]:
    """Check everything that narrating needs, in the order of use."""
    yield Finding("Python", sys.version_info >= (3, 10), f"{sys.version.split()[0]} (3.10 or newer is needed)")
    yield from _tried("onnxruntime", _runtime)
    yield from _tried("espeak-ng", _espeak)
    yield from _tried("Built-in voice", _built_in_voice)
    yield _kokoro()
    yield from _text_sides()
    yield from _models()
    yield from _tried("Write permission", _writing)


def _tried(what: str, look: Callable[[], str]) -> Iterator[Finding]:
    try:
        yield Finding(what, True, look())
    except Exception as error:  # any error belongs in the report
        logger.debug("The check of %s failed", what, exc_info=True)
        yield Finding(what, False, f"{error or type(error).__name__}")


def _runtime() -> str:
    import onnxruntime

    from core_engine.kokoro.model.cores import allowed_cores
    from core_engine.kokoro.model.runtime import int8_is_fastest, provider_names

    providers = ", ".join(provider_names(onnxruntime.get_available_providers()))
    fastest = "int8" if int8_is_fastest() else "float32"
    return f"{onnxruntime.__version__} on {providers}; {allowed_cores()} cores; {fastest} models are the fastest"


def _espeak() -> str:
    from core_engine.kokoro.text.phonemes import phonemize

    return ", ".join(f"{language} {phonemize('tomato', language)}" for language in ("en-us", "en-gb"))


def _built_in_voice() -> str:
    return _spoken(model_path(BUILT_IN, models_dir()))


def _spoken(path: Path) -> str:
    """Test-run a model, and describe its provider and voices."""
    from core_engine.kokoro.model.runtime import provider_names
    from core_engine.kokoro.speech.synthesis import Kokoro

    kokoro = Kokoro.load(path)
    speech = kokoro.speak("One, two, three.")
    provider = provider_names(kokoro.session.get_providers())[0]
    return f"spoke for {len(speech.audio) / speech.sample_rate:.1f} s on {provider}; {', '.join(sorted(kokoro.voices))}"


def _kokoro() -> Finding:
    """Test-run the best installed model."""
    best = best_model(models_dir())
    if best is None:
        detail = f"not installed; `storyflow models pull {RECOMMENDED}` installs it in '{models_dir()}'"
        return Finding("Kokoro", False, f"{detail}. Until then the built-in voice is used.", needed=False)
    return next(iter(_tried("Kokoro", lambda: f"{best.name} {_spoken(best.path)}; {best.path}")))


def _text_sides() -> Iterator[Finding]:
    """Check what reads English for v1.0, and the languages that espeak-ng does not read."""
    from core_engine.kokoro.errors import KokoroError
    from core_engine.kokoro.languages import LANGUAGES, V1_0
    from core_engine.kokoro.text.phonemes_v1_0 import dictionary_problem
    from core_engine.kokoro.text.text_sides import text_side

    side, problem = text_side(version=V1_0), dictionary_problem()
    yield Finding("English of v1.0", True, f"read by {side}" + (f"; {problem.text}" if problem else ""), needed=False)
    for language in LANGUAGES:
        if language.misaki_extra:
            try:
                side = text_side(language.code, V1_0)
                yield Finding(language.name, True, f"read by {side}", needed=False)
            except KokoroError as error:
                yield Finding(language.name, False, str(error), needed=False)


def _models() -> Iterator[Finding]:
    """Check every other installed model, and whether it has changed; none is required."""
    from core_engine.kokoro.voice.packs import find_voices
    from storyflow.models.library import installed

    best = best_model(models_dir())
    for name, model in installed(models_dir()).items():
        voices = len(find_voices(model.path.parent))
        if model.problem:
            yield Finding(f"Model {name}", False, model.problem, needed=False)
        elif best is None or name != best.name:
            yield Finding(f"Model {name}", bool(voices), f"{model.path} with {voices} voices", needed=False)


def _writing() -> str:
    folder = media_root()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return f"'{folder}' is writable"
    except OSError as error:
        advice = "Set MEDIA_ROOT to a folder that you can write to."
        raise OSError(f"'{existing}' is not writable: {error.strerror}. {advice}") from error
