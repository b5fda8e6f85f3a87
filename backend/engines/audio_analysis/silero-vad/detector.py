"""Silero VAD on onnxruntime: how likely each stretch of 32 ms is speech.

The file is that of Silero VAD 5 and 6. It is given a window of samples with the end of the one before, and carries its
state (2, 1, 128) from one window to the next.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.contract.errors import UnusableModelError, unusable_if_damaged

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

FILE_NAME = "silero_vad.onnx"
WINDOW_S = 0.032
_CONTEXT_S = 0.004
_STATE = (2, 1, 128)
_INPUTS = frozenset(["input", "state", "sr"])


@dataclass(frozen=True)
class Detector:
    """An open model."""

    session: Any  # onnxruntime.InferenceSession

    @classmethod
    def load(cls, folder: Path) -> "Detector":
        """Open the model in `folder`; raises UnusableModelError for a file that is none of this kind."""
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read by the import; some releases report their use
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # windows are too small to be shared out
        path = folder / FILE_NAME
        with unusable_if_damaged(f"'{path.name}' cannot be opened", "Use the file of Silero VAD 5 or 6."):
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        inputs = {given.name for given in session.get_inputs()}
        if inputs != _INPUTS:
            raise UnusableModelError(
                f"'{path.name}' takes {', '.join(sorted(inputs))} instead of {', '.join(sorted(_INPUTS))}. "
                "Use the file of Silero VAD 5 or 6."
            )
        return cls(session)

    def probabilities(self, sound: "Samples", sample_rate: int) -> "Samples":
        """Return the probability of speech in each window of `sound` (n,), the last one filled up with silence: (w,).

        `sample_rate` is one of `model_rate`.
        """
        import numpy as np

        size, before = round(WINDOW_S * sample_rate), round(_CONTEXT_S * sample_rate)
        count = -(-len(sound) // size)
        padded = np.zeros(before + count * size, np.float32)
        padded[before : before + len(sound)] = sound
        state, rate = np.zeros(_STATE, np.float32), np.array(sample_rate, np.int64)
        found = np.zeros(count, np.float32)
        for number in range(count):
            window = padded[number * size : number * size + before + size]
            probability, state = self.session.run(None, {"input": window[None], "state": state, "sr": rate})
            found[number] = probability[0, 0]
        return found


def model_rate(sample_rate: int) -> int:
    """Return the rate in Hz that a recording of `sample_rate` is given to the model at: it knows two."""
    return 16_000 if sample_rate > 8_000 else 8_000
