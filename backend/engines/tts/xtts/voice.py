"""A loaded XTTS model, which learns a speaker from samples and speaks with that voice."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.contract.errors import RequestError, unsupported_language
from engines.speech.sound import joined, read_speaker
from engines.tts.xtts.reading import Reader
from engines.tts.xtts.xtts_model import SAMPLE_RATE, open_model

if TYPE_CHECKING:
    import torch
    from TTS.tts.models.xtts import Xtts

    from engines.speech.sound import Samples

logger = logging.getLogger(__name__)

SHORTEST = 4  # audio tokens, 0.2 s: a model that ends immediately returns nothing, which the library cannot speed up
REFERENCE_RATE = 22_050  # Hz, for the samples


@dataclass(frozen=True)
class Speaker:
    """The model's representation of a voice."""

    latents: "torch.Tensor"  # (1, 32, width): how it speaks
    embedding: "torch.Tensor"  # (1, 512, 1): how it sounds


class XttsVoice:
    """A model on one device."""

    def __init__(self, model: "Xtts") -> None:
        self._model = model
        self._reader = Reader(model.tokenizer, model.args.gpt_max_text_tokens)
        self._languages = {_bare(language) for language in model.config.languages}

    @classmethod
    def load(cls, folder: Path, device: str) -> "XttsVoice":
        """Load the model in `folder`; raise UnusableModelError if the files are not a model."""
        return cls(open_model(folder, device))

    def learn(self, samples: Sequence[Path]) -> Speaker:
        """Return the speaker of WAV files, of any rate and at least one second each; raise RequestError otherwise.

        The library's `get_conditioning_latents` does the same, but reads the files with torchcodec, which needs
        FFmpeg; so its two halves are called with arrays.
        """
        import torch

        config = self._model.config
        sounds = [torch.from_numpy(_sound(sample, config.max_ref_len))[None] for sample in samples]
        embeddings = [self._model.get_speaker_embedding(sound, REFERENCE_RATE) for sound in sounds]
        # The library uses only the first seconds, so take an equal share of every sample.
        share = config.gpt_cond_len * REFERENCE_RATE // len(sounds)
        shares = [*(sound[:, :share] for sound in sounds), *(sound[:, share:] for sound in sounds)]
        latents = self._model.get_gpt_cond_latents(
            torch.cat(shares, dim=-1), REFERENCE_RATE, config.gpt_cond_len, config.gpt_cond_chunk_len
        )
        speaker = Speaker(latents, torch.stack(embeddings).mean(dim=0))
        if not (torch.isfinite(speaker.latents).all() and torch.isfinite(speaker.embedding).all()):
            raise RequestError("The speaker's samples have no recognisable voice. Record them again.")
        return speaker

    def speak(self, text: str, language: str, speaker: Speaker, settings: Mapping[str, Any]) -> "Samples":
        """Speak all of `text` as (n,) float32 at 24 kHz; `settings` are those of the library's `inference`.

        Raises RequestError for a language that the model does not speak, and for a text without words.
        """
        spoken = _bare(language)
        if spoken not in self._languages:
            raise unsupported_language(language, sorted(self._languages), ", or load another model")
        pieces = self._reader.pieces(text, spoken)
        if not pieces:
            raise RequestError("The text has nothing to speak: it has no letters or numbers. Write some text.")
        return joined([self._spoken(piece, spoken, speaker, settings) for piece in pieces], SAMPLE_RATE)

    def _spoken(self, piece: str, language: str, speaker: Speaker, settings: Mapping[str, Any]) -> "Samples":
        """Speak one piece; if the model does not reach its end, speak it again in two, so that no words are lost."""
        sound, is_whole = self._inferred(piece, language, speaker, settings)
        if is_whole:
            return sound
        parts = [self._inferred(part, language, speaker, settings) for part in self._reader.halves(piece, language)]
        if not all(is_whole for _, is_whole in parts):
            logger.warning(
                "%d characters (%s) took the maximum length of audio; check them by listening.", len(piece), language
            )
        return joined([sound for sound, _ in parts], SAMPLE_RATE)

    def _inferred(
        self, piece: str, language: str, speaker: Speaker, settings: Mapping[str, Any]
    ) -> "tuple[Samples, bool]":
        """Return the audio of one piece, and whether the model ended it by itself, not at the maximum length."""
        spoken = self._model.inference(
            piece,
            language,
            speaker.latents,
            speaker.embedding,
            enable_text_splitting=False,
            min_new_tokens=SHORTEST,
            **settings,
        )
        room = int(self._model.gpt.max_gen_mel_tokens / settings.get("speed", 1.0))
        return spoken["wav"], spoken["gpt_latents"].shape[1] < room


def _sound(sample: Path, longest_s: int) -> "Samples":
    """Return the first `longest_s` seconds of a sample as (n,) float32 from -1 to 1 at the model's rate."""
    return read_speaker(sample, REFERENCE_RATE, longest_s).clip(-1, 1)


def _bare(language: str) -> str:
    """Return "zh" for "zh-cn": models list Chinese with its region, but half of the library needs it without."""
    return language.partition("-")[0]
