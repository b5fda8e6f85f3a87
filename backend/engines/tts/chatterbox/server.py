"""chatterbox: Resemble AI's Chatterbox speaks in the voice of a sample, English or 23 languages."""

import dataclasses
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

# backend/, if the engine runs from the project; in an image the package is next to this file.
sys.path.extend(str(folder) for folder in Path(__file__).resolve().parents[3:4])

from core_engine.reading.parts import split_text_into_chunks
from engines.base_tts_server import BaseTTSServer
from engines.contract.errors import RequestError, loaded
from engines.speech.reading import as_spoken
from engines.speech.sound import joined, read_speaker, wav_of
from engines.speech.speaker_cache import SpeakerCache
from engines.tts.chatterbox.chatterbox_model import Kind, forget_hooks, kind_of, load_checkpoint

if TYPE_CHECKING:
    from engines.speech.sound import Samples

logger = logging.getLogger(__name__)

SAMPLE_RATE = 24_000
PROMPT_S = 6.0  # of the samples, used as the prompt; the rest only sets the timbre
LONGEST_PIECE = 300  # characters, as the library advises: it stops after 1,000 tokens, 40 s (issues 76, 181)
LONGEST_DENSE_PIECE = 100  # in scripts with a syllable per character
DENSE = frozenset({"zh", "ja", "ko"})
LONGEST_SPEECH_S = 39.9  # audio this long was cut off at 1,000 tokens
SHORTEST_CUT = (
    40  # characters; even read slowly they take less time, so audio that long is babble, and splitting does not help
)
SMALLEST_CFG_WEIGHT = 1e-6  # used for 0, with which the English model fails (issue 278)


class ChatterboxServer(BaseTTSServer):
    """Speaks with folders of the English or multilingual model's files in models/."""

    version = "1.0.0"
    model_advice = "The engine's README lists the files of a model and explains how to bake it in or mount it."

    def __init__(self, base_path: Path | None = None) -> None:
        super().__init__(base_path)
        self._model: Any = None
        self._kind: Kind | None = None
        self._speakers: SpeakerCache[Any] = SpeakerCache()

    def is_complete(self, path: Path) -> bool:
        """Return whether `path` is a folder with the files that the library opens by name."""
        return kind_of(path) is not None

    def load_model(self, model_name: str) -> None:
        """Load the model, onto the GPU if there is one."""
        folder = self.model_path(model_name)
        self._kind = kind_of(folder)
        if self._kind is None:
            raise RuntimeError(f"Files of the model '{model_name}' have disappeared. Restore them.")
        self._model = load_checkpoint(folder, self._kind, self.external_models_dir / ".cache")
        self._device = "cuda" if self._model.device == "cuda" else "cpu"

    def unload_model(self) -> None:
        """Free the model and the cached speakers."""
        self._model = self._kind = None
        self._speakers.clear()

    def generate_audio(self, text: str, language: str, speaker_wav: list[Path], parameters: dict[str, Any]) -> bytes:
        """Speak all of `text` in the voice of the samples."""
        kind = loaded(self._kind)
        if kind.languages is not None and language not in kind.languages:
            raise RequestError(
                f"The model '{self.current_model}' speaks English only, not '{language}'. {self._choice(language)}"
            )
        conditionals = self._speakers.get(speaker_wav, self._learn)
        _seed(parameters["seed"])
        settings = _settings(parameters, None if kind.languages else language)
        longest = LONGEST_DENSE_PIECE if language in DENSE else LONGEST_PIECE
        pieces = _pieces(as_spoken(text, language), longest, language)
        sounds = [self._spoken(piece, language, conditionals, settings) for piece in pieces]
        return wav_of(joined(sounds, SAMPLE_RATE), SAMPLE_RATE)

    def _choice(self, language: str) -> str:
        """Return advice on which model speaks `language`."""
        speaking = {model.name for model in self.config.models if language in model.metadata.get("languages", [])}
        names = [model.name for model in self.get_available_models() if model.name in speaking]
        return f"Choose the model '{names[0]}'." if names else "Put a multilingual model into external_models/."

    def _spoken(self, text: str, language: str, conditionals: Any, settings: dict[str, Any]) -> "Samples":
        """Return `text` as audio (n,); if it does not fit into one run, speak it in parts."""
        # A copy, because the library modifies it.
        self._model.conds = dataclasses.replace(conditionals, gen=dict(conditionals.gen))
        try:
            sound: Samples = self._model.generate(text, **settings).squeeze(0).numpy()
        finally:
            forget_hooks(self._model)
        if len(sound) < LONGEST_SPEECH_S * SAMPLE_RATE:
            return sound
        if len(text) < SHORTEST_CUT:
            logger.warning("%d characters took %.0f s of audio; check them by listening.", len(text), LONGEST_SPEECH_S)
            return sound
        parts = _pieces(text, len(text) * 2 // 3 + 1, language)
        logger.info(
            "%d characters do not fit into %.0f s of audio; speaking them in parts.", len(text), LONGEST_SPEECH_S
        )
        return joined([self._spoken(part, language, conditionals, settings) for part in parts], SAMPLE_RATE)

    def _learn(self, samples: Sequence[Path]) -> Any:
        """Return the library's conditionals for the voice in `samples`."""
        import soundfile
        import torch

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speaker.wav"
            soundfile.write(path, _prompt(samples), SAMPLE_RATE, subtype="FLOAT")
            with torch.inference_mode():  # otherwise each speaker keeps the gradients of the whole model (issue 218)
                self._model.prepare_conditionals(str(path))
        return self._model.conds


def _pieces(text: str, longest: int, language: str) -> list[str]:
    """Split `text` at sentences; drop parts without words, for which the model would babble."""
    pieces = [piece for piece in split_text_into_chunks(text, longest, language) if any(map(str.isalnum, piece))]
    if not pieces:
        raise RequestError("The text has nothing to speak: it has no letters or numbers. Write some text.")
    return pieces


def _prompt(samples: Sequence[Path]) -> "Samples":
    """Join the samples into one (n,) that starts with an equal share of each."""
    sounds = [read_speaker(sample, SAMPLE_RATE) for sample in samples]
    share = round(PROMPT_S * SAMPLE_RATE / len(sounds))
    parts = [sound[:share] for sound in sounds] + [sound[share:] for sound in sounds if len(sound) > share]
    return joined(parts if len(sounds) > 1 else sounds, SAMPLE_RATE)


def _settings(parameters: dict[str, Any], language: str | None) -> dict[str, Any]:
    """Return the arguments of generate(); the English model has no language argument."""
    names = ("exaggeration", "temperature", "min_p", "top_p")
    settings = {name: parameters[name] for name in names}
    settings["cfg_weight"] = max(parameters["cfg_weight"], SMALLEST_CFG_WEIGHT)
    return settings if language is None else {**settings, "language_id": language}


def _seed(seed: int) -> None:
    """Seed the random generators; 0 means random."""
    import torch

    if seed:
        torch.manual_seed(seed)


if __name__ == "__main__":
    ChatterboxServer.main()
