"""A loaded VibeVoice: script and voice in, sound out."""

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engines.errors import OutOfMemoryError, RequestError, UnusableModelError, as_engine_error
from engines.speech.sentences import cut_at_sentences
from engines.speech.sound import joined
from engines.tts.vibevoice import original
from engines.tts.vibevoice.checkpoint import read_settings
from engines.tts.vibevoice.script import script_text

if TYPE_CHECKING:
    from engines.speech.sound import Samples

logger = logging.getLogger(__name__)

# One pass of the model. It is made for long texts and is least steady with single sentences, but reports of noise begin
# at about 1,500 characters (microsoft/VibeVoice, issues 107 and 109).
PASSAGE_CHARACTERS = 1_200
SCAFFOLD_TOKENS = 96  # the prompt around voice and text
# A pass that finds no end is broken off: 10 s and 0.4 s for each byte of UTF-8, several times as long as anyone speaks.
SLACK_FRAMES, FRAMES_PER_BYTE = 75, 3


@dataclass(frozen=True)
class Delivery:
    """How a text is spoken."""

    cfg_scale: float  # classifier-free guidance: how closely the sound follows text and voice
    diffusion_steps: int  # for each frame of sound
    seed: int  # 0 draws a new one


class Narrator:
    """A model and its processor on one device; of one thread."""

    def __init__(self, model: Any, processor: Any, device: Literal["cpu", "cuda"]) -> None:
        self._model, self._processor, self.device = model, processor, device
        self.sample_rate: int = processor.feature_extractor.sampling_rate
        self._hop: int = model.config.audio_config.hop_length  # samples of one frame, which is one token
        self._context: int = model.config.text_config.max_position_embeddings  # tokens and frames
        self._control_words = set(processor.tokenizer.get_added_vocab())

    def speak(self, text: str, voice: "Samples", delivery: Delivery) -> "Samples":
        """Return all of `text` as (n,) float32 at `sample_rate`, in the voice of `voice` (m,) at the same rate.

        Raises RequestError for a text without words and for a passage that the model does not bring to an end.
        """
        import torch

        line = script_text(text, self._control_words)
        cut = cut_at_sentences(line, self._longest_passage(line, voice))
        passages = [passage for passage in cut if any(map(str.isalnum, passage))]  # dashes alone make the model babble
        torch.manual_seed(delivery.seed or torch.seed())
        return joined([self._spoken(passage, voice, delivery) for passage in passages], self.sample_rate)

    def _longest_passage(self, line: str, voice: "Samples") -> int:
        """Return how many characters fit into one pass with the prompt, the voice and the sound that they become."""
        free = self._context - SCAFFOLD_TOKENS - math.ceil(len(voice) / self._hop) - SLACK_FRAMES
        widest = max(len(character.encode()) for character in line)  # a token is at least one byte
        fitting = free // ((1 + FRAMES_PER_BYTE) * widest)
        if fitting < 1:
            raise RequestError(
                f"The speaker samples leave no room in the {self._context} tokens of this model. Use shorter ones."
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
                do_sample=False,
                eos_token_id=end,
                pad_token_id=self._model.config.pad_token_id,
                return_dict_in_generate=True,
            )
        if made.audio[0] is None or made.sequences[0, -1] != end:
            problem = "stayed silent" if made.audio[0] is None else f"found no end within {self._seconds(most)} s"
            raise RequestError(
                f"VibeVoice {problem} for a passage of {len(passage)} characters. Generate it again for another take, "
                "or change the seed, the guidance, the text or the speaker sample."
            )
        sound: Samples = made.audio[0].float().cpu().numpy().reshape(-1)
        return sound

    def _prompt(self, passage: str, voice: "Samples") -> Any:
        """Return what the model reads, on its device."""
        parts = [{"type": "text", "text": passage}, {"type": "audio"}]
        prompt = self._processor.apply_chat_template([{"role": original.SPEAKER, "content": parts}], tokenize=False)
        inputs = self._processor(text=prompt, audio=[voice], sampling_rate=self.sample_rate, return_tensors="pt")
        return inputs.to(self.device, self._model.dtype)

    def _seconds(self, frames: int) -> int:
        return frames * self._hop // self.sample_rate


def load_narrator(folder: Path, device: Literal["cpu", "cuda"]) -> Narrator:
    """Return the model in `folder` ready to speak: bfloat16 on the GPU, float32 on the CPU.

    Raises UnusableModelError for files that will never load; what fails for want of memory, or because of the disk, the
    GPU or a package, passes through.
    """
    from transformers.utils import logging as library_logging

    library_logging.disable_progress_bar()
    settings = read_settings(folder)
    try:
        processor = _original_processor(folder) if original.is_original(settings) else _processor(folder)
        model = _model(folder, settings, processor, device)
    except UnusableModelError:
        raise
    except Exception as error:
        if _may_pass(error):
            raise
        raise UnusableModelError(f"'{folder.name}' cannot be loaded: {error}. Copy its files again.") from error
    return Narrator(model, processor, device)


def _may_pass(error: Exception) -> bool:
    """Tell whether a load failed for another reason than its files; the library's own OSErrors have no number."""
    if isinstance(error, ImportError) or getattr(error, "errno", None) is not None:
        return True
    return isinstance(as_engine_error(error), OutOfMemoryError) or "cuda" in str(error).lower()


def _processor(folder: Path) -> Any:
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(folder, local_files_only=True)


def _original_processor(folder: Path) -> Any:
    from transformers import Qwen2TokenizerFast, VibeVoiceAcousticTokenizerFeatureExtractor, VibeVoiceProcessor

    tokenizer = Qwen2TokenizerFast.from_pretrained(folder, local_files_only=True)
    return VibeVoiceProcessor(
        VibeVoiceAcousticTokenizerFeatureExtractor(), tokenizer, chat_template=original.PROMPT_TEMPLATE
    )


def _model(folder: Path, settings: dict[str, Any], processor: Any, device: Literal["cpu", "cuda"]) -> Any:
    import torch

    from engines.tts.vibevoice.speaking_model import SpeakingModel

    model, report = SpeakingModel.from_pretrained(
        folder,
        **_original_form(settings, processor),
        **_attention(device),
        dtype=torch.bfloat16 if device == "cuda" else torch.float32,
        device_map=device,  # the weights go straight there, file by file
        local_files_only=True,
        use_safetensors=True,  # a pickle could run code
        output_loading_info=True,
    )
    lacking = sorted({*report["missing_keys"], *report["mismatched_keys"]}, key=str)
    if lacking:  # the library would fill them with noise and go on
        raise UnusableModelError(
            f"'{folder.name}' lacks {len(lacking)} of its weights, such as {lacking[0]}. Copy its files again."
        )
    return model.eval()


def _original_form(settings: dict[str, Any], processor: Any) -> dict[str, Any]:
    """Return what makes the library read an original checkpoint; nothing for a converted one."""
    if not original.is_original(settings):
        return {}
    from transformers import VibeVoiceConfig

    begin, frame, end = processor.tokenizer.convert_tokens_to_ids(list(original.VOICE_TOKENS))
    tokens = original.VoiceTokens(begin, frame, end, processor.tokenizer.eos_token_id)
    return {
        "config": VibeVoiceConfig(**original.converted_settings(settings, tokens)),
        "key_mapping": original.weight_names(settings),
    }


def _attention(device: Literal["cpu", "cuda"]) -> dict[str, Any]:
    """Ask for FlashAttention where it is installed, else leave the choice to the library: SDPA for the language model.

    Asked for by name for the whole model, "sdpa" fails: the tokenizers of sound have no attention at all.
    """
    from transformers.utils import is_flash_attn_2_available

    usable = device == "cuda" and is_flash_attn_2_available()
    return {"attn_implementation": {"text_config": "flash_attention_2"}} if usable else {}
