"""Make a tiny VibeVoice with random weights: `python tiny_vibevoice.py FOLDER [--original | --endless | --heavy]`.

It has every part of a real one and takes well under a second a frame on one core, but what it says is noise.
"""

import argparse
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    Qwen2TokenizerFast,
    VibeVoiceAcousticTokenizerFeatureExtractor,
    VibeVoiceConfig,
    VibeVoiceForConditionalGeneration,
    VibeVoiceProcessor,
)

HIDDEN, LATENT, SEMANTIC, FILTERS, LAYERS = 32, 8, 6, 1, 2
RATIOS = (8, 5, 5, 4, 2, 2)  # as in the real ones: 3,200 samples a frame
FEED_FORWARD, HEAD_RATIO, FREQUENCIES = 64, 3, 256
HEAVY_FEED_FORWARD = 200_000  # 150 MB of weights, which a process cannot hide
CONTEXT = 2_048
END_OF_TEXT = "<|endoftext|>"
FRAME, BEGIN, END = "<|vision_pad|>", "<|vision_start|>", "<|vision_end|>"
ANOTHER_FRAME = 3.0  # how much likelier than the end it is
EMBEDDING, CONNECTOR_BIAS = "language_model.embed_tokens.weight", "acoustic_connector.fc2.bias"
LOUDNESS = 0.1  # so that the noise stays below full scale


def tiny_tokenizer() -> Qwen2TokenizerFast:
    """Return a tokenizer that has one token for each byte and those that stand for sound, the frame first."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_only = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    bytes_only.add_special_tokens([FRAME, END_OF_TEXT, BEGIN, END])
    return Qwen2TokenizerFast(tokenizer_object=bytes_only, eos_token=END_OF_TEXT, pad_token=END_OF_TEXT, unk_token=None)


def tiny_config(tokenizer: Qwen2TokenizerFast, feed_forward: int = FEED_FORWARD) -> VibeVoiceConfig:
    """Return the settings of the smallest model that is still a VibeVoice."""
    codec = {"num_filters": FILTERS, "depths": [1] * 7, "downsampling_ratios": list(reversed(RATIOS))}
    frame, end_of_text, begin, end = tokenizer.convert_tokens_to_ids([FRAME, END_OF_TEXT, BEGIN, END])
    return VibeVoiceConfig(
        text_config={
            **_language_model(len(tokenizer), feed_forward),
            "eos_token_id": end_of_text,
            "pad_token_id": end_of_text,
        },
        audio_config={**codec, "hidden_size": LATENT},
        semantic_model_config={**codec, "hidden_size": SEMANTIC},
        diffusion_head_config={"num_hidden_layers": 1, "intermediate_size": HEAD_RATIO * HIDDEN},
        audio_bos_token_id=begin,
        audio_eos_token_id=end,
        audio_token_id=frame,
        pad_token_id=end_of_text,
        eos_token_id=end_of_text,
    )


def make_converted(folder: Path, *, endless: bool = False, heavy: bool = False) -> None:
    """Write a model as transformers keeps it; an `endless` one never stops speaking by itself."""
    tokenizer = tiny_tokenizer()
    config = tiny_config(tokenizer, HEAVY_FEED_FORWARD if heavy else FEED_FORWARD)
    model = VibeVoiceForConditionalGeneration(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(random_weight(name, tuple(weight.shape)))
        connector_bias = model.model.multi_modal_projector.linear_2.bias
        make_it_end(model.model.language_model.embed_tokens.weight, connector_bias, model.lm_head.weight, tokenizer)
        if endless:
            model.lm_head.weight.zero_()  # all words equally likely: the first is taken, and that is the frame
    model.save_pretrained(folder)
    VibeVoiceProcessor(VibeVoiceAcousticTokenizerFeatureExtractor(), tokenizer).save_pretrained(folder)


def make_original(folder: Path) -> None:
    """Write a model as Microsoft published them, in two files, with the tokenizer that an operator adds."""
    folder.mkdir(parents=True)
    tokenizer = tiny_tokenizer()
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps(original_config(len(tokenizer)), indent=2), encoding="utf-8")
    shapes = original_shapes(len(tokenizer))
    weights = {name: random_weight(name, shape) for name, shape in shapes.items()}
    embedding, connector_bias = (weights[f"model.{name}"] for name in (EMBEDDING, CONNECTOR_BIAS))
    make_it_end(embedding, connector_bias, weights["lm_head.weight"], tokenizer)
    index = {}
    for number in (1, 2):
        file = f"model-{number:05d}-of-00002.safetensors"
        half = dict(list(weights.items())[number - 1 :: 2])
        save_file(half, folder / file, metadata={"format": "pt"})
        index.update(dict.fromkeys(half, file))
    size = sum(weight.nbytes for weight in weights.values())
    text = json.dumps({"metadata": {"total_size": size}, "weight_map": index})
    (folder / "model.safetensors.index.json").write_text(text, encoding="utf-8")


def random_weight(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Return the weight `name`: always the same numbers, of a size that keeps signals about as large as they were."""
    numbers = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
    if name.endswith("scaling_factor"):
        return torch.tensor(0.2)
    if name.endswith("bias_factor"):
        return torch.tensor(-0.05)
    if "norm" in name or name.endswith("act.weight"):
        return torch.from_numpy(1 + 0.1 * numbers)
    if "decoder.head" in name:
        numbers *= np.float32(LOUDNESS)
    fan_in = max(int(np.prod(shape[1:])), 1)
    return torch.from_numpy(0.1 * numbers if len(shape) == 1 else numbers / np.float32(np.sqrt(fan_in)))


def make_it_end(
    embedding: torch.Tensor, connector_bias: torch.Tensor, head: torch.Tensor, tokenizer: Qwen2TokenizerFast
) -> None:
    """Change the weights so that the model always speaks one frame, and after each of them may end."""
    frame, begin, end, end_of_text = tokenizer.convert_tokens_to_ids([FRAME, BEGIN, END, END_OF_TEXT])
    embedding[begin] = 0
    embedding[begin, 0] = 100  # nothing else reaches the last layer at the beginning of the sound
    connector_bias[1] = 3  # and this little after each frame
    head[frame, :2] = torch.tensor([2.0, ANOTHER_FRAME])
    head[end_of_text, :2] = -head[frame, :2]
    head[begin] = head[end] = head[frame]
    head[[begin, end], :2] -= 1  # so always a little less likely than the frame


def original_config(vocabulary: int) -> dict[str, Any]:
    """Return config.json with the keys that the published ones have."""
    codec = {
        "causal": True,
        "channels": 1,
        "conv_bias": True,
        "conv_norm": "none",
        "corpus_normalize": 0.0,
        "disable_last_norm": True,
        "encoder_depths": "1-1-1-1-1-1-1",
        "encoder_n_filters": FILTERS,
        "encoder_ratios": list(RATIOS),
        "layer_scale_init_value": 1e-06,
        "layernorm": "RMSNorm",
        "layernorm_elementwise_affine": True,
        "layernorm_eps": 1e-05,
        "mixer_layer": "depthwise_conv",
        "pad_mode": "constant",
        "weight_init_value": 0.01,
    }
    sound = {"decoder_depths": None, "decoder_n_filters": FILTERS, "decoder_ratios": list(RATIOS)}
    acoustic = {**codec, **sound, "fix_std": 0.5, "std_dist_type": "gaussian", "vae_dim": LATENT}
    semantic = {**codec, "fix_std": 0, "std_dist_type": "none", "vae_dim": SEMANTIC}
    return {
        "architectures": ["VibeVoiceForConditionalGeneration"],
        "model_type": "vibevoice",
        "acostic_vae_dim": LATENT,  # as it is spelt there
        "acoustic_tokenizer_config": {**acoustic, "model_type": "vibevoice_acoustic_tokenizer"},
        "semantic_tokenizer_config": {**semantic, "model_type": "vibevoice_semantic_tokenizer"},
        "semantic_vae_dim": SEMANTIC,
        "decoder_config": {**_language_model(vocabulary), "torch_dtype": "bfloat16"},
        "diffusion_head_config": {
            "ddpm_batch_mul": 4,
            "ddpm_beta_schedule": "cosine",
            "ddpm_num_inference_steps": 20,
            "ddpm_num_steps": 1000,
            "diffusion_type": "ddpm",
            "head_ffn_ratio": float(HEAD_RATIO),
            "head_layers": 1,
            "hidden_size": HIDDEN,
            "latent_size": LATENT,
            "model_type": "vibevoice_diffusion_head",
            "prediction_type": "v_prediction",
            "rms_norm_eps": 1e-05,
            "speech_vae_dim": LATENT,
        },
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "transformers_version": "4.51.3",
    }


def original_shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    """Return the names of all original weights with their shapes."""
    wide = HEAD_RATIO * HIDDEN
    head = "model.prediction_head"
    return {
        **_original_codec("model.acoustic_tokenizer.encoder", LATENT, decoder=False),
        **_original_codec("model.acoustic_tokenizer.decoder", LATENT, decoder=True),
        **_original_codec("model.semantic_tokenizer.encoder", SEMANTIC, decoder=False),
        **_original_connector("model.acoustic_connector", LATENT),
        **_original_connector("model.semantic_connector", SEMANTIC),
        f"{head}.noisy_images_proj.weight": (HIDDEN, LATENT),
        f"{head}.cond_proj.weight": (HIDDEN, HIDDEN),
        f"{head}.t_embedder.mlp.0.weight": (HIDDEN, FREQUENCIES),
        f"{head}.t_embedder.mlp.2.weight": (HIDDEN, HIDDEN),
        f"{head}.layers.0.ffn.gate_proj.weight": (wide, HIDDEN),
        f"{head}.layers.0.ffn.up_proj.weight": (wide, HIDDEN),
        f"{head}.layers.0.ffn.down_proj.weight": (HIDDEN, wide),
        f"{head}.layers.0.norm.weight": (HIDDEN,),
        f"{head}.layers.0.adaLN_modulation.1.weight": (3 * HIDDEN, HIDDEN),
        f"{head}.final_layer.linear.weight": (LATENT, HIDDEN),
        f"{head}.final_layer.adaLN_modulation.1.weight": (2 * HIDDEN, HIDDEN),
        "model.speech_scaling_factor": (),
        "model.speech_bias_factor": (),
        **_original_language_model(vocabulary),
        "lm_head.weight": (vocabulary, HIDDEN),
    }


def _language_model(vocabulary: int, feed_forward: int = FEED_FORWARD) -> dict[str, Any]:
    return {
        "model_type": "qwen2",
        "vocab_size": vocabulary,
        "hidden_size": HIDDEN,
        "intermediate_size": feed_forward,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "rope_theta": 1000000.0,
        "tie_word_embeddings": False,
    }


def _original_codec(place: str, latent: int, *, decoder: bool) -> dict[str, tuple[int, ...]]:
    widths = [FILTERS * 2**stage for stage in range(len(RATIOS) + 1)]
    ratios = RATIOS if decoder else RATIOS[::-1]
    if decoder:
        widths.reverse()
    sampling, convolution = ("upsample_layers", "convtr.convtr") if decoder else ("downsample_layers", "conv.conv")
    entrance, exit_ = (latent, 1) if decoder else (1, latent)
    shapes = _with_bias(f"{place}.{sampling}.0.0.conv.conv", (widths[0], entrance, 7), widths[0])
    for stage, (before, after, ratio) in enumerate(zip(widths, widths[1:], ratios, strict=False), 1):
        kernel = (before, after, 2 * ratio) if decoder else (after, before, 2 * ratio)
        shapes |= _with_bias(f"{place}.{sampling}.{stage}.0.{convolution}", kernel, after)
    for stage, width in enumerate(widths):
        shapes |= _original_block(f"{place}.stages.{stage}.0", width)
    return shapes | _with_bias(f"{place}.head.conv.conv", (exit_, widths[-1], 7), exit_)


def _original_block(place: str, width: int) -> dict[str, tuple[int, ...]]:
    return {
        **{f"{place}.{name}": (width,) for name in ("gamma", "ffn_gamma", "norm.weight", "ffn_norm.weight")},
        **_with_bias(f"{place}.mixer.conv.conv.conv", (width, 1, 7), width),
        **_with_bias(f"{place}.ffn.linear1", (4 * width, width), 4 * width),
        **_with_bias(f"{place}.ffn.linear2", (width, 4 * width), width),
    }


def _original_connector(place: str, latent: int) -> dict[str, tuple[int, ...]]:
    return {
        **_with_bias(f"{place}.fc1", (HIDDEN, latent), HIDDEN),
        f"{place}.norm.weight": (HIDDEN,),
        **_with_bias(f"{place}.fc2", (HIDDEN, HIDDEN), HIDDEN),
    }


def _original_language_model(vocabulary: int) -> dict[str, tuple[int, ...]]:
    place, half = "model.language_model", HIDDEN // 2
    shapes: dict[str, tuple[int, ...]] = {
        f"{place}.embed_tokens.weight": (vocabulary, HIDDEN),
        f"{place}.norm.weight": (HIDDEN,),
    }
    for number in range(LAYERS):
        layer = f"{place}.layers.{number}"
        for name, width in (("q_proj", HIDDEN), ("k_proj", half), ("v_proj", half)):
            shapes |= _with_bias(f"{layer}.self_attn.{name}", (width, HIDDEN), width)
        shapes[f"{layer}.self_attn.o_proj.weight"] = (HIDDEN, HIDDEN)
        shapes |= {f"{layer}.mlp.{name}.weight": (FEED_FORWARD, HIDDEN) for name in ("gate_proj", "up_proj")}
        shapes[f"{layer}.mlp.down_proj.weight"] = (HIDDEN, FEED_FORWARD)
        shapes |= {f"{layer}.{name}.weight": (HIDDEN,) for name in ("input_layernorm", "post_attention_layernorm")}
    return shapes


def _with_bias(place: str, shape: tuple[int, ...], width: int) -> dict[str, tuple[int, ...]]:
    return {f"{place}.weight": shape, f"{place}.bias": (width,)}


def main() -> None:
    """Make the model that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--original", action="store_true", help="in the form that Microsoft published")
    kind.add_argument("--endless", action="store_true", help="one that never stops speaking by itself")
    kind.add_argument("--heavy", action="store_true", help="one that takes memory")
    options = parser.parse_args()
    if options.original:
        make_original(options.folder)
    else:
        make_converted(options.folder, endless=options.endless, heavy=options.heavy)


if __name__ == "__main__":
    main()
