"""Draw what the demo sounds like: waveform and spectrogram of one sentence in two voices, into docs/demo.png."""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from core_engine.audio_utils import normalize_audio
from core_engine.kokoro.synthesis import Kokoro
from core_engine.model_paths import BUILT_IN, model_path

SENTENCE = "“You could not possibly have come at a better time, my dear Watson,” he said cordially."
VOICES = ("af_bella", "bm_george")
PICTURE = Path(__file__).resolve().parent.parent / "docs" / "demo.png"


def draw(picture: Path) -> None:
    """Speak the sentence with each voice and save the picture."""
    kokoro = Kokoro.load(model_path(BUILT_IN, Path()))
    figure, axes = plt.subplots(
        2, len(VOICES), figsize=(12, 5), height_ratios=(1, 2), sharex="col", layout="constrained"
    )
    for column, voice in enumerate(VOICES):
        speech = kokoro.speak(SENTENCE, voice)
        audio = normalize_audio(speech.audio)
        wave, spectrogram = axes[:, column]
        wave.plot(np.arange(len(audio)) / speech.sample_rate, audio, linewidth=0.3, color="#27408b")
        wave.set(title=f"{voice}, {len(audio) / speech.sample_rate:.1f} s", ylim=(-1, 1))
        spectrogram.specgram(audio, NFFT=512, Fs=speech.sample_rate, noverlap=384, cmap="magma", vmin=-140, vmax=-30)
        spectrogram.set(ylim=(0, 8000), xlabel="seconds", ylabel="Hz" if column == 0 else "")
    figure.savefig(picture, dpi=90)


if __name__ == "__main__":
    draw(PICTURE)
    print(PICTURE)
