"""Make what the README shows of the voice: one sentence in two voices, as MP3 and as a picture, into docs/."""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import soundfile

from core_engine.audio_utils import normalize_audio
from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.model_choice import AUTO, choose_model
from core_engine.places import models_dir

SENTENCE = "“You could not possibly have come at a better time, my dear Watson,” he said cordially."
SHOWN_VOICES = ("af_bella", "bm_george")
DOCS = Path(__file__).resolve().parent.parent / "docs"


def make() -> None:
    """Speak the sentence with each voice of the best model installed, save the sounds and draw them."""
    model = choose_model(AUTO, models_dir())
    kokoro = Kokoro.load(model.path)
    figure, axes = plt.subplots(
        2, len(SHOWN_VOICES), figsize=(12, 5), height_ratios=(1, 2), sharex="col", layout="constrained"
    )
    for column, voice in enumerate(SHOWN_VOICES):
        speech = kokoro.speak(SENTENCE, voice)
        audio = normalize_audio(speech.audio)
        soundfile.write(DOCS / f"{voice}.mp3", audio, speech.sample_rate)
        wave, spectrogram = axes[:, column]
        wave.plot(np.arange(len(audio)) / speech.sample_rate, audio, linewidth=0.3, color="#27408b")
        wave.set(title=f"{voice}, {model.name}, {len(audio) / speech.sample_rate:.1f} s", ylim=(-1, 1))
        spectrogram.specgram(audio, NFFT=512, Fs=speech.sample_rate, noverlap=384, cmap="magma", vmin=-140, vmax=-30)
        spectrogram.set(ylim=(0, 12_000), xlabel="seconds", ylabel="Hz" if column == 0 else "")
    figure.savefig(DOCS / "demo.png", dpi=90)


if __name__ == "__main__":
    make()
    print(DOCS / "demo.png", *(DOCS / f"{voice}.mp3" for voice in SHOWN_VOICES))
