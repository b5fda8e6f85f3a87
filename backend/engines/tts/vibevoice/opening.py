"""Load a VibeVoice's files with the library's own classes."""

from pathlib import Path
from typing import Any, Literal

from engines.contract.errors import UnusableModelError, unusable_if_damaged
from engines.tts.vibevoice import original
from engines.tts.vibevoice.narrator import Narrator
from engines.tts.vibevoice.script import PROMPT_TEMPLATE, VOICE_TOKENS
from engines.tts.vibevoice.vibevoice_files import TOKENIZER, read_settings


def load_narrator(folder: Path, device: Literal["cpu", "cuda"]) -> Narrator:
    """Load the model in `folder`: bfloat16 on the GPU, float32 on the CPU.

    Raises UnusableModelError for files that can never be loaded; errors of memory, disk, GPU or packages are raised
    unchanged.
    """
    from transformers.utils import logging as library_logging

    library_logging.disable_progress_bar()
    settings = read_settings(folder)
    with unusable_if_damaged(f"'{folder.name}' cannot be loaded", "Copy its files again."):
        processor = _processor(folder)
        model = _model(folder, settings, processor, device)
    return Narrator(model, processor, device)


def _processor(folder: Path) -> Any:
    """Return the processor for prompts; only its tokenizer is read, since original checkpoints have nothing else."""
    from transformers import Qwen2TokenizerFast, VibeVoiceAcousticTokenizerFeatureExtractor, VibeVoiceProcessor

    tokenizer = Qwen2TokenizerFast.from_pretrained(folder, local_files_only=True)
    unknown = [word for word in VOICE_TOKENS if word not in tokenizer.get_added_vocab()]
    if unknown:
        raise UnusableModelError(
            f"The {TOKENIZER} of '{folder.name}' is from another model: it lacks {unknown[0]}. Put that of "
            "Qwen2.5-1.5B there."
        )
    return VibeVoiceProcessor(VibeVoiceAcousticTokenizerFeatureExtractor(), tokenizer, chat_template=PROMPT_TEMPLATE)


def _model(folder: Path, settings: dict[str, Any], processor: Any, device: Literal["cpu", "cuda"]) -> Any:
    import torch

    from engines.tts.vibevoice.speaking_model import SpeakingModel

    config = _config(folder, settings, processor)
    _check_size(folder, config)
    model, report = SpeakingModel.from_pretrained(
        folder,
        config=config,
        key_mapping=original.weight_names(settings) if original.is_original(settings) else None,
        dtype=torch.bfloat16 if device == "cuda" else torch.float32,
        device_map=device,  # loads the weights directly to the device, file by file
        local_files_only=True,
        use_safetensors=True,  # a pickle could run code
        output_loading_info=True,
        **_attention(device),
    )
    lacking = sorted({*report["missing_keys"], *report["mismatched_keys"]}, key=str)
    if lacking:  # otherwise the library would fill them with noise
        raise UnusableModelError(
            f"'{folder.name}' lacks {len(lacking)} of its weights, for example {lacking[0]}. Copy its files again."
        )
    return model.eval()


def _config(folder: Path, settings: dict[str, Any], processor: Any) -> Any:
    """Return the library's config, converted if the checkpoint is an original one."""
    from transformers import VibeVoiceConfig

    if not original.is_original(settings):
        return VibeVoiceConfig.from_pretrained(folder, local_files_only=True)
    begin, frame, end = processor.tokenizer.convert_tokens_to_ids(list(VOICE_TOKENS))
    tokens = original.VoiceTokens(begin, frame, end, processor.tokenizer.eos_token_id)
    return VibeVoiceConfig(**original.converted_settings(settings, tokens))


def _check_size(folder: Path, config: Any) -> None:
    """Raise UnusableModelError if the files are too small for the weights in the config.

    The library would allocate memory for all weights first: 54 GB if config.json has lost its sizes.
    """
    import torch

    from engines.tts.vibevoice.speaking_model import SpeakingModel

    with torch.device("meta"):  # without memory
        wanted = SpeakingModel(config).num_parameters()
    there = sum(file.stat().st_size for file in folder.glob("model*.safetensors"))
    if wanted > there:  # a weight takes at least a byte
        raise UnusableModelError(
            f"'{folder.name}' has a config.json for {wanted:,} weights, but its files have {there:,} bytes: they are "
            "not of one model. Copy its files again."
        )


def _attention(device: Literal["cpu", "cuda"]) -> dict[str, Any]:
    """Use FlashAttention if it is installed, otherwise the library's default: SDPA for the language model.

    Requesting "sdpa" by name for the whole model fails: the audio tokenizers have no attention.
    """
    from transformers.utils import is_flash_attn_2_available

    usable = device == "cuda" and is_flash_attn_2_available()
    return {"attn_implementation": {"text_config": "flash_attention_2"}} if usable else {}
