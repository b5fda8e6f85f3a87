"""Speak with a tiny original checkpoint through the library that it was published with, and print what came out.

    python3.11 -m venv old && old/bin/pip install vibevoice==0.0.1
    <engine>/venv/bin/python tests/real/tiny_models/tiny_vibevoice.py tiny --original
    old/bin/python tests/real/vibevoice_reference.py tiny > tests/real/vibevoice_reference.json

The test of the engine compares what transformers makes of the same files. Run by hand: that library is no longer
maintained and wants transformers 4.51.3.
"""

import json
import sys

import numpy as np
import torch
from vibevoice.modular.modeling_vibevoice_inference import VibeVoiceForConditionalGenerationInference
from vibevoice.modular.modular_vibevoice_text_tokenizer import VibeVoiceTextTokenizerFast
from vibevoice.processor.vibevoice_processor import VibeVoiceProcessor
from vibevoice.processor.vibevoice_tokenizer_processor import VibeVoiceTokenizerProcessor

TEXT = "The rain had stopped, and the street was quiet."
CFG_SCALE, STEPS, MOST_FRAMES = 1.3, 5, 30
SEEDS = range(1, 9)
EVERY = 320  # samples


def speak(folder: str) -> dict[str, object]:
    """Return the words of the prompt as numbers, and for each seed every 320th sample of the sound."""
    model = VibeVoiceForConditionalGenerationInference.from_pretrained(
        folder, torch_dtype=torch.float32, attn_implementation="sdpa"
    ).eval()
    tokenizer = VibeVoiceTextTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json")
    processor = VibeVoiceProcessor(tokenizer, VibeVoiceTokenizerProcessor())
    inputs = processor(text=[f"Speaker 0: {TEXT}"], voice_samples=[[voice()]], return_tensors="pt")
    model.set_ddpm_inference_steps(STEPS)
    sounds = {}
    for seed in SEEDS:
        torch.manual_seed(seed)
        made = model.generate(
            **inputs,
            tokenizer=tokenizer,
            cfg_scale=CFG_SCALE,
            max_new_tokens=MOST_FRAMES,
            generation_config={"do_sample": False},
            show_progress_bar=False,
        )
        sounds[str(seed)] = [round(float(sample), 5) for sample in made.speech_outputs[0].reshape(-1)[::EVERY]]
    return {
        "text": TEXT,
        "cfg_scale": CFG_SCALE,
        "diffusion_steps": STEPS,
        "every": EVERY,
        "prompt": inputs["input_ids"][0].tolist(),
        "sounds": sounds,
    }


def voice() -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """Return a bit more than a second and a half of a tone that swells, (38400,) at 24 kHz."""
    second = np.arange(38_400) / 24_000
    return (0.2 * second * np.sin(2 * np.pi * 220 * second)).astype(np.float32)


if __name__ == "__main__":
    json.dump(speak(sys.argv[1]), sys.stdout)
