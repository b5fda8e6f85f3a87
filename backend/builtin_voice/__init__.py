"""The built-in voice: a small ONNX graph with Kokoro's tensor contract, built entirely by this code.

Run `python -m builtin_voice.build` in `backend/`. This package is not imported at run time: the built file needs only
onnxruntime.
"""
