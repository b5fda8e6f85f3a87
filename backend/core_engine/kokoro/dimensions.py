"""The sizes that the model fixes."""

SAMPLE_RATE = 24_000
"""Samples per second of everything Kokoro says; mono."""

SAMPLES_PER_FRAME = 600
"""The model counts how long a token sounds in frames of 25 ms."""

MAX_TOKENS = 510
"""Token ids in one run of the model: its context of 512 less the two pads."""

STYLE_SIZE = 256
"""Values in one style vector: 128 for the decoder, then 128 for the prosody predictor."""
