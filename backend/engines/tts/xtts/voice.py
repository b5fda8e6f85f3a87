"""A loaded XTTS model: learns a speaker from samples and speaks with that voice."""

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

SHORTEST = 4  # audio tokens, 0.2 s: a model that ends at once says nothing, and the library fails to speed that up
REFERENCE_RATE = 22_050  # Hz, at which the model listens to samples


@dataclass(frozen=True)
class Speaker:
    """What the model knows of a voice."""

    latents: "torch.Tensor"  # (1, 32, width): how it speaks
    embedding: "torch.Tensor"  # (1, 512, 1): how it sounds


class XttsVoice:
    """One model on one device."""

    def __init__(self, model: "Xtts") -> None:
        self._model = model
        self._reader = Reader(model.tokenizer, model.args.gpt_max_text_tokens)
        self._languages = {_bare(language) for language in model.config.languages}

    @classmethod
    def load(cls, folder: Path, device: str) -> "XttsVoice":
        """Open the model in `folder`; raises UnusableModelError for files that are none."""
        return cls(open_model(folder, device))

    def learn(self, samples: Sequence[Path]) -> Speaker:
        """Return the speaker of WAV files, of any rate and at least a second each; raises RequestError otherwise.

        The library's `get_conditioning_latents` does the same with files, but reads them through torchcodec, which
        needs FFmpeg; so its two halves are called with sounds.
        """
        import torch

        config = self._model.config
        sounds = [torch.from_numpy(_sound(sample, config.max_ref_len))[None] for sample in samples]
        embeddings = [self._model.get_speaker_embedding(sound, REFERENCE_RATE) for sound in sounds]
        # The library hears the first seconds of what it is given: let them be an equal share of every sample.
        share = config.gpt_cond_len * REFERENCE_RATE // len(sounds)
        shares = [*(sound[:, :share] for sound in sounds), *(sound[:, share:] for sound in sounds)]
        latents = self._model.get_gpt_cond_latents(
            torch.cat(shares, dim=-1), REFERENCE_RATE, config.gpt_cond_len, config.gpt_cond_chunk_len
        )
        speaker = Speaker(latents, torch.stack(embeddings).mean(dim=0))
        if not (torch.isfinite(speaker.latents).all() and torch.isfinite(speaker.embedding).all()):
            raise RequestError("No voice can be made out in the speaker's samples. Record them again.")
        return speaker

    def speak(self, text: str, language: str, speaker: Speaker, settings: Mapping[str, Any]) -> "Samples":
        """Return all of `text` as (n,) float32 at 24 kHz; `settings` are those of the library's `inference`.

        Raises RequestError for a language that the model does not speak, and for a text without a word.
        """
        spoken = _bare(language)
        if spoken not in self._languages:
            raise unsupported_language(language, sorted(self._languages), ", or load another model")
        pieces = self._reader.pieces(text, spoken)
        if not pieces:
            raise RequestError("The text has nothing to speak: no letter and no number.")
        return joined([self._spoken(piece, spoken, speaker, settings) for piece in pieces], SAMPLE_RATE)

    def _spoken(self, piece: str, language: str, speaker: Speaker, settings: Mapping[str, Any]) -> "Samples":
        """Return one piece, spoken again in two where the model did not come to its end: no word may be lost."""
        sound, is_whole = self._inferred(piece, language, speaker, settings)
        if is_whole:
            return sound
        parts = [self._inferred(part, language, speaker, settings) for part in self._reader.halves(piece, language)]
        if not all(is_whole for _, is_whole in parts):
            logger.warning(
                "%d characters (%s) filled all that XTTS speaks at once; listen to them.", len(piece), language
            )
        return joined([sound for sound, _ in parts], SAMPLE_RATE)

    def _inferred(
        self, piece: str, language: str, speaker: Speaker, settings: Mapping[str, Any]
    ) -> "tuple[Samples, bool]":
        """Return the sound of one piece, and whether the model ended it by itself rather than for want of room."""
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
    """Return "zh" for "zh-cn": models list their Chinese with its region, half of the library wants it without."""
    return language.partition("-")[0]
