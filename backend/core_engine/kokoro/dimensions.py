"""Fixed sizes of the model."""

SAMPLE_RATE = 24_000
"""Samples per second of Kokoro's audio, which is mono."""

SAMPLES_PER_FRAME = 600
"""The model measures the duration of tokens in frames of 25 ms."""

MAX_TOKENS = 510
"""Token ids per run: the model's context of 512 minus the two pads."""

STYLE_SIZE = 256
"""Size of a style vector: 128 values for the decoder, then 128 for the prosody predictor."""
