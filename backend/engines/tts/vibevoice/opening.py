"""The files of a VibeVoice, opened with the library's own classes."""

from pathlib import Path
from typing import Any, Literal

from engines.contract.errors import UnusableModelError, unusable_if_damaged
from engines.tts.vibevoice import original
from engines.tts.vibevoice.narrator import Narrator
from engines.tts.vibevoice.script import PROMPT_TEMPLATE, VOICE_TOKENS
from engines.tts.vibevoice.vibevoice_files import TOKENIZER, read_settings


def load_narrator(folder: Path, device: Literal["cpu", "cuda"]) -> Narrator:
    """Return the model in `folder` ready to speak: bfloat16 on the GPU, float32 on the CPU.

    Raises UnusableModelError for files that will never load; what fails for want of memory, or because of the disk, the
    GPU or a package, passes through.
    """
    from transformers.utils import logging as library_logging

    library_logging.disable_progress_bar()
    settings = read_settings(folder)
    with unusable_if_damaged(f"'{folder.name}' cannot be loaded", "Copy its files again."):
        processor = _processor(folder)
        model = _model(folder, settings, processor, device)
    return Narrator(model, processor, device)


def _processor(folder: Path) -> Any:
    """Return what makes prompts; of its parts only the tokenizer is read, for an original checkpoint has no others."""
    from transformers import Qwen2TokenizerFast, VibeVoiceAcousticTokenizerFeatureExtractor, VibeVoiceProcessor

    tokenizer = Qwen2TokenizerFast.from_pretrained(folder, local_files_only=True)
    unknown = [word for word in VOICE_TOKENS if word not in tokenizer.get_added_vocab()]
    if unknown:
        raise UnusableModelError(
            f"The {TOKENIZER} of '{folder.name}' is of another model: it does not know {unknown[0]}. Put that of "
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
        device_map=device,  # the weights go straight there, file by file
        local_files_only=True,
        use_safetensors=True,  # a pickle could run code
        output_loading_info=True,
        **_attention(device),
    )
    lacking = sorted({*report["missing_keys"], *report["mismatched_keys"]}, key=str)
    if lacking:  # the library would fill them with noise and go on
        raise UnusableModelError(
            f"'{folder.name}' lacks {len(lacking)} of its weights, such as {lacking[0]}. Copy its files again."
        )
    return model.eval()


def _config(folder: Path, settings: dict[str, Any], processor: Any) -> Any:
    """Return the settings as the library's own; those of an original checkpoint it would not understand."""
    from transformers import VibeVoiceConfig

    if not original.is_original(settings):
        return VibeVoiceConfig.from_pretrained(folder, local_files_only=True)
    begin, frame, end = processor.tokenizer.convert_tokens_to_ids(list(VOICE_TOKENS))
    tokens = original.VoiceTokens(begin, frame, end, processor.tokenizer.eos_token_id)
    return VibeVoiceConfig(**original.converted_settings(settings, tokens))


def _check_size(folder: Path, config: Any) -> None:
    """Raise UnusableModelError where the files cannot hold the weights that the settings ask for.

    The library would take memory for all of them first: 54 GB for nothing where config.json has lost its sizes.
    """
    import torch

    from engines.tts.vibevoice.speaking_model import SpeakingModel

    with torch.device("meta"):  # without memory
        wanted = SpeakingModel(config).num_parameters()
    there = sum(file.stat().st_size for file in folder.glob("model*.safetensors"))
    if wanted > there:  # a weight takes at least a byte
        raise UnusableModelError(
            f"'{folder.name}' has a config.json for {wanted:,} weights, but its files are of {there:,} bytes: they are "
            "not of one model. Copy its files again."
        )


def _attention(device: Literal["cpu", "cuda"]) -> dict[str, Any]:
    """Ask for FlashAttention where it is installed, else leave the choice to the library: SDPA for the language model.

    Asked for by name for the whole model, "sdpa" fails: the tokenizers of sound have no attention at all.
    """
    from transformers.utils import is_flash_attn_2_available

    usable = device == "cuda" and is_flash_attn_2_available()
    return {"attn_implementation": {"text_config": "flash_attention_2"}} if usable else {}
