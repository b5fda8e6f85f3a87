"""Makes a tiny model of Whisper's architecture.

`python tiny_whisper.py FOLDER [--speech FOLDER]` writes FOLDER/tiny.pt.

`--width N` makes it larger: 512 are 100 MB.

Without --speech its weights are random. With a folder of pairs NAME.wav and NAME.txt it is trained until it knows these
recordings by heart, in one or two minutes on two cores; of other speech it understands nothing. Needs the engine's
virtual environment.
"""

import argparse
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import whisper
from whisper.audio import N_FRAMES, SAMPLE_RATE
from whisper.model import ModelDimensions, Whisper
from whisper.tokenizer import Tokenizer, get_tokenizer

sys.path.extend(str(folder) for folder in Path(__file__).resolve().parents[4:5])

from engines.speech.sound import read_mono

# No layers of attention over the sound, which is what takes time; the decoder looks at it all the same. The vocabulary
# is the real one, and with it the tokenizer.
DIMENSIONS = ModelDimensions(
    n_mels=80,
    n_audio_ctx=1500,
    n_audio_state=64,
    n_audio_head=2,
    n_audio_layer=0,
    n_vocab=51_865,
    n_text_ctx=64,
    n_text_state=64,
    n_text_head=2,
    n_text_layer=1,
)
STEPS = 180
BATCH = 12
LEARNING_RATE = 3e-3
VARIANTS = 8  # of each recording: another level, another beginning, another noise
IGNORED = -100  # a target that counts for nothing, as torch.nn.functional.cross_entropy has it


@dataclasses.dataclass(frozen=True)
class Lessons:
    """What is learned, one row a recording."""

    mels: torch.Tensor  # (n, 80, 3000), log-Mel spectrograms
    inputs: torch.Tensor  # (n, length), tokens
    targets: torch.Tensor  # (n, length), the tokens that follow


def new_model(width: int) -> Whisper:
    """Return a model of vectors of `width` with random weights, always the same."""
    torch.manual_seed(0)
    model = Whisper(dataclasses.replace(DIMENSIONS, n_audio_state=width, n_text_state=width))
    torch.nn.init.normal_(model.decoder.token_embedding.weight, std=0.05)
    torch.nn.init.normal_(model.decoder.positional_embedding, std=0.02)
    return model


def train(model: Whisper, lessons: Lessons) -> None:
    """Train `model` and print how far it is."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS, pct_start=0.1)
    for step in range(STEPS):
        rows = torch.randperm(len(lessons.mels))[:BATCH]
        logits = model(lessons.mels[rows], lessons.inputs[rows])
        targets = lessons.targets[rows].flatten()
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets, ignore_index=IGNORED)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 20 == 0 or step == STEPS - 1:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)


def lessons_from(speech: Path) -> Lessons:
    """Return the recordings in `speech` with what is said in them, and noises in which nothing is."""
    tokenizer = get_tokenizer(multilingual=True, language="en", task="transcribe")
    rng = np.random.default_rng(0)
    pairs = [*_spoken(speech, tokenizer, rng), *_noises(tokenizer, rng)]
    length = max(len(tokens) for _, tokens in pairs) - 1
    inputs = torch.full((len(pairs), length), tokenizer.eot)
    targets = torch.full((len(pairs), length), IGNORED)
    for row, (_, tokens) in enumerate(pairs):
        inputs[row, : len(tokens) - 1] = torch.tensor(tokens[:-1])
        targets[row, : len(tokens) - 1] = torch.tensor(tokens[1:])
    return Lessons(torch.stack([mel for mel, _ in pairs]), inputs, targets)


def _spoken(speech: Path, tokenizer: Tokenizer, rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, list[int]]]:
    for wav in sorted(speech.glob("*.wav")):
        text = wav.with_suffix(".txt").read_text(encoding="utf-8")
        tokens = [*tokenizer.sot_sequence_including_notimestamps, *tokenizer.encode(" " + text), tokenizer.eot]
        sound = read_mono(wav, SAMPLE_RATE)
        for number in range(VARIANTS):
            yield _mel(_varied(sound, rng) if number else sound), tokens


def _varied(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    silence = np.zeros(int(rng.uniform(0, 0.5) * SAMPLE_RATE), np.float32)
    later = np.concatenate([silence, sound * np.float32(rng.uniform(0.3, 1.0))])
    return later + rng.normal(0, 1e-4, len(later)).astype(np.float32)


def _noises(tokenizer: Tokenizer, rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, list[int]]]:
    for _ in range(VARIANTS):
        noise = rng.normal(0, 10 ** rng.uniform(-3, -0.5), int(rng.uniform(1, 4) * SAMPLE_RATE))
        yield _mel(noise.astype(np.float32)), [tokenizer.sot, tokenizer.no_speech]


def _mel(sound: np.ndarray) -> torch.Tensor:
    """Return the spectrogram as `transcribe` makes it: filled up with zeros *after* the logarithm."""
    mel = whisper.log_mel_spectrogram(sound, DIMENSIONS.n_mels, padding=N_FRAMES)
    frames = len(sound) // whisper.audio.HOP_LENGTH
    return whisper.pad_or_trim(mel[:, :frames], N_FRAMES)


def main() -> None:
    """Make the model that the command line asks for."""
    parser = argparse.ArgumentParser(description="Make a tiny model of Whisper's architecture.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--speech", type=Path, help="folder of pairs NAME.wav and NAME.txt to learn by heart")
    parser.add_argument("--width", type=int, default=DIMENSIONS.n_text_state)
    arguments = parser.parse_args()
    model = new_model(arguments.width)
    if arguments.speech:
        train(model, lessons_from(arguments.speech))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    checkpoint = {"dims": dataclasses.asdict(model.dims), "model_state_dict": model.state_dict()}
    torch.save(checkpoint, arguments.folder / "tiny.pt")


if __name__ == "__main__":
    main()
