"""A loaded VibeVoice: text and voice in, audio out."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from core_engine.reading.parts import split_text_into_chunks
from engines.contract.errors import RequestError
from engines.speech.reading import as_spoken
from engines.speech.sound import joined
from engines.tts.vibevoice.script import SPEAKER, script_text, without_commands

if TYPE_CHECKING:
    from engines.speech.sound import Samples

# Characters per run. The model is made for long texts and least stable with single sentences, but there are reports of
# noise from about 1,500 characters (microsoft/VibeVoice, issues 107 and 109).
PASSAGE_CHARACTERS = 1_200
SCAFFOLD_TOKENS = 96  # for the prompt around voice and text
# A run without an end is stopped after 10 s plus 0.4 s per UTF-8 byte, several times the duration of speech.
SLACK_FRAMES, FRAMES_PER_BYTE = 75, 3


@dataclass(frozen=True)
class Delivery:
    """The settings for speaking a text."""

    cfg_scale: float  # classifier-free guidance: how closely the audio follows text and voice
    diffusion_steps: int  # diffusion steps per frame
    seed: int  # 0 draws a new one
    do_sample: int = 0  # 1 samples between another frame and the end, 0 takes the likelier
    temperature: float = 0.95  # with do_sample
    top_p: float = 0.95  # with do_sample

    @property
    def sampling(self) -> dict[str, Any]:
        """The last three as the library's arguments; it warns about unused temperature and top_p."""
        if not self.do_sample:
            return {"do_sample": False}
        return {"do_sample": True, "temperature": self.temperature, "top_p": self.top_p}


class Narrator:
    """A model and its processor on one device; not thread-safe."""

    def __init__(self, model: Any, processor: Any, device: Literal["cpu", "cuda"]) -> None:
        self._model, self._processor, self.device = model, processor, device
        self.sample_rate: int = processor.feature_extractor.sampling_rate
        self._hop: int = model.config.audio_config.hop_length  # samples per frame; a frame is one token
        self._context: int = model.config.text_config.max_position_embeddings  # tokens and frames
        self._control_words = set(processor.tokenizer.get_added_vocab())

    def speak(self, text: str, language: str, voice: "Samples", delivery: Delivery) -> "Samples":
        """Return all of `text` as (n,) float32 at `sample_rate`, in the voice of `voice` (m,) at the same rate.

        `language` is that of the text; written forms of English are put into words first.

        Raises RequestError for a text without words and for a passage that the model does not end.
        """
        import torch

        words = as_spoken(without_commands(text, self._control_words), language)
        line = script_text(words, self._control_words)
        cut = split_text_into_chunks(line, self._longest_passage(line, voice), language)
        passages = [
            passage for passage in cut if any(map(str.isalnum, passage))
        ]  # the model babbles for a text of dashes
        torch.manual_seed(delivery.seed or torch.seed())
        return joined([self._spoken(passage, voice, delivery) for passage in passages], self.sample_rate)

    def _longest_passage(self, line: str, voice: "Samples") -> int:
        """Return how many characters fit into one run, with the prompt, the voice and the resulting audio."""
        free = self._context - SCAFFOLD_TOKENS - math.ceil(len(voice) / self._hop) - SLACK_FRAMES
        widest = max(len(character.encode()) for character in line)  # a token is at least one byte
        fitting = free // ((1 + FRAMES_PER_BYTE) * widest)
        if fitting < 1:
            raise RequestError(
                f"The speaker samples fill the {self._context} tokens of this model. Use shorter samples."
            )
        return min(PASSAGE_CHARACTERS, fitting)

    def _spoken(self, passage: str, voice: "Samples", delivery: Delivery) -> "Samples":
        import torch

        most = SLACK_FRAMES + FRAMES_PER_BYTE * len(passage.encode())
        end = self._model.config.eos_token_id
        with torch.inference_mode():
            made = self._model.generate(
                **self._prompt(passage, voice),
                guidance_scale=delivery.cfg_scale,
                num_diffusion_steps=delivery.diffusion_steps,
                max_new_tokens=most,
                **delivery.sampling,
                eos_token_id=end,
                pad_token_id=self._model.config.pad_token_id,
                return_dict_in_generate=True,
            )
        if made.audio[0] is None or made.sequences[0, -1] != end:
            problem = "stayed silent" if made.audio[0] is None else f"did not end within {self._seconds(most)} s"
            raise RequestError(
                f"VibeVoice {problem} for a passage of {len(passage)} characters. Generate it again for another take, "
                "or change the seed, the guidance, the text or the speaker sample."
            )
        sound: Samples = made.audio[0].float().cpu().numpy().reshape(-1)
        return sound

    def _prompt(self, passage: str, voice: "Samples") -> Any:
        """Return the model's inputs, on its device."""
        parts = [{"type": "text", "text": passage}, {"type": "audio"}]
        prompt = self._processor.apply_chat_template([{"role": SPEAKER, "content": parts}], tokenize=False)
        inputs = self._processor(text=prompt, audio=[voice], sampling_rate=self.sample_rate, return_tensors="pt")
        return inputs.to(self.device, self._model.dtype)

    def _seconds(self, frames: int) -> int:
        return frames * self._hop // self.sample_rate
