"""Convert the checkpoints that Microsoft published to the names of transformers, which reads only converted ones.

VibeVoice-1.5B and VibeVoice-Large exist in both forms. transformers 5.23 ignores the settings of the original form and
fails with "`diffusion_head_config.hidden_size` must match"; the names of the weights differ too. This module converts
both in memory, so that nothing has to be converted on disk.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Settings = dict[str, Any]

VAE_STD_SCALE = 0.8  # the original scales its noise by fix_std / 0.8; transformers stores the quotient

_CODEC_NAMES = {
    "channels": "channels",
    "vae_dim": "hidden_size",
    "encoder_n_filters": "num_filters",
    "layernorm_eps": "rms_norm_eps",
    "layer_scale_init_value": "layer_scale_init_value",
}
_OTHER_WEIGHTS = {
    "model.acoustic_connector.fc1.": "model.multi_modal_projector.linear_1.",
    "model.acoustic_connector.norm.": "model.multi_modal_projector.act.",
    "model.acoustic_connector.fc2.": "model.multi_modal_projector.linear_2.",
    "model.semantic_connector.fc1.": "model.semantic_connector.linear_1.",
    "model.semantic_connector.norm.": "model.semantic_connector.act.",
    "model.semantic_connector.fc2.": "model.semantic_connector.linear_2.",
    "model.prediction_head.": "model.diffusion_head.",
    "model.diffusion_head.t_embedder.mlp.0.": "model.diffusion_head.timestep_proj.fc1.",
    "model.diffusion_head.t_embedder.mlp.2.": "model.diffusion_head.timestep_proj.fc2.",
    "model.diffusion_head.final_layer.adaLN_modulation.1.": "model.diffusion_head.final_layer.linear_1.",
    "model.diffusion_head.final_layer.linear.": "model.diffusion_head.final_layer.linear_2.",
    ".adaLN_modulation.1.": ".linear.",
    "model.speech_scaling_factor": "model.latent_scaling_factor",
    "model.speech_bias_factor": "model.latent_bias_factor",
}


@dataclass(frozen=True)
class VoiceTokens:
    """The token ids of the prompt's audio placeholders in a checkpoint's tokenizer."""

    begin: int
    frame: int  # one for every 3,200 samples
    end: int
    end_of_text: int


def is_original(settings: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of an original checkpoint."""
    return "decoder_config" in settings and "text_config" not in settings


def converted_settings(settings: Mapping[str, Any], tokens: VoiceTokens) -> Settings:
    """Convert an original config.json to arguments of transformers.VibeVoiceConfig; raise KeyError if it is not one."""
    head = settings["diffusion_head_config"]
    acoustic = _converted_codec(settings["acoustic_tokenizer_config"])
    acoustic["vae_std"] = settings["acoustic_tokenizer_config"].get("fix_std", 0.5) / VAE_STD_SCALE
    return {
        "text_config": _converted_language_model(settings),
        "audio_config": acoustic,
        "semantic_model_config": _converted_codec(settings["semantic_tokenizer_config"]),
        "diffusion_head_config": {
            "num_hidden_layers": head["head_layers"],
            "intermediate_size": int(head["head_ffn_ratio"] * head["hidden_size"]),
            "rms_norm_eps": head.get("rms_norm_eps", 1e-5),
        },
        "audio_bos_token_id": tokens.begin,
        "audio_token_id": tokens.frame,
        "audio_eos_token_id": tokens.end,
        "pad_token_id": tokens.end_of_text,
        "eos_token_id": tokens.end_of_text,
    }


def weight_names(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the original parts of weight names with transformers' replacements, to be applied in order.

    The keys are regular expressions for `key_mapping` of `from_pretrained`.
    """
    stages = len(_depths(settings["acoustic_tokenizer_config"]))
    names = {
        **_stage_names("acoustic_tokenizer.encoder", "audio_tower.encoder", "downsample_layers", "conv", stages),
        **_stage_names("acoustic_tokenizer.decoder", "audio_tower.decoder", "upsample_layers", "convtr", stages),
        **_stage_names("semantic_tokenizer.encoder", "semantic_tokenizer_encoder", "downsample_layers", "conv", stages),
        ".mixer.conv.conv.conv.": ".mixer.conv.",
        **_OTHER_WEIGHTS,
    }
    return {re.escape(old): new for old, new in names.items()}


def _converted_language_model(settings: Mapping[str, Any]) -> Settings:
    language_model: Settings = dict(settings["decoder_config"])
    language_model.pop("torch_dtype", None)
    tied = language_model.get("tie_word_embeddings", False)
    return {**language_model, "tie_word_embeddings": settings.get("tie_word_embeddings", tied)}


def _converted_codec(codec: Mapping[str, Any]) -> Settings:
    """Return the settings of the acoustic or semantic tokenizer; the original lists its ratios in reverse order."""
    known = {new: codec[old] for old, new in _CODEC_NAMES.items() if old in codec}
    return {**known, "downsampling_ratios": list(reversed(codec["encoder_ratios"])), "depths": _depths(codec)}


def _depths(codec: Mapping[str, Any]) -> list[int]:
    depths = codec["encoder_depths"]
    return [int(depth) for depth in (depths.split("-") if isinstance(depths, str) else depths)]


def _stage_names(old: str, new: str, sampling: str, convolution: str, stages: int) -> dict[str, str]:
    """Return the names within an encoder or decoder: the first stage is the stem, the others are numbered from zero."""
    names = {
        f"model.{old}.{sampling}.0.0.conv.": f"model.{new}.stem.conv.",
        f"model.{old}.stages.0.": f"model.{new}.stem.stage.",
        f"model.{old}.head.conv.conv.": f"model.{new}.head.conv.",
    }
    for stage in range(1, stages):
        layer = f"model.{new}.conv_layers.{stage - 1}"
        names[f"model.{old}.{sampling}.{stage}.0.{convolution}."] = f"{layer}.{convolution}."
        names[f"model.{old}.stages.{stage}."] = f"{layer}.stage."
    return names
