"""What it looks like: spectrograms of one sentence by espeak and by the built-in voice, and all seven voices."""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import onnxruntime
from speakers import NEUTRAL, accent, inputs, lessons

from builtin_voice.voices import VOICE_CONTROLS
from core_engine.kokoro.dimensions import SAMPLE_RATE

_SENTENCE = "The juice of lemons makes fine punch."
_WINDOW_S, _HOP_S, _TOP_HZ = 0.006, 0.001, 8000


def against_espeak(session: onnxruntime.InferenceSession, picture: Path) -> None:
    """Draw the teacher above the pupil."""
    spoken = lessons([_SENTENCE], "en-us")[0]
    ours = session.run(["audio"], inputs(spoken.ids))[0]
    _save({"espeak-ng": (spoken.audio, spoken.sample_rate), "built-in voice": (ours, SAMPLE_RATE)}, picture, 1)


def seven_voices(session: onnxruntime.InferenceSession, picture: Path) -> None:
    """Draw the same sentence in every voice."""
    ids = {voice: lessons([_SENTENCE], accent(voice))[0].ids for voice in VOICE_CONTROLS}
    read = {voice: (session.run(["audio"], inputs(ids[voice], voice))[0], SAMPLE_RATE) for voice in VOICE_CONTROLS}
    _save({**read, NEUTRAL: (session.run(["audio"], inputs(ids["am_adam"]))[0], SAMPLE_RATE)}, picture, 2)


def _save(sounds: dict[str, tuple[npt.NDArray[np.float32], int]], picture: Path, columns: int) -> None:
    rows = -(-len(sounds) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(12, 2.4 * rows), squeeze=False, layout="constrained")
    for axis, (name, (audio, rate)) in zip(axes.flat, sounds.items(), strict=False):
        window = int(_WINDOW_S * rate)
        overlap = window - int(_HOP_S * rate)
        level = 20 * np.log10(np.abs(audio).max())
        with np.errstate(divide="ignore"):  # espeak's closures are exact zeros
            axis.specgram(
                audio, window, rate, noverlap=overlap, pad_to=512, vmin=level - 110, vmax=level - 25, cmap="magma"
            )
        axis.set(title=name, ylim=(0, _TOP_HZ), ylabel="Hz")
    figure.savefig(picture, dpi=70)
    plt.close(figure)
