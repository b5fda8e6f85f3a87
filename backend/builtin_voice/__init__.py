"""The built-in voice: a small ONNX graph with Kokoro's tensor contract, built from nothing but this code.

Run `python -m builtin_voice.build` from `backend/`. Nothing here is imported when the program speaks: the built file
needs onnxruntime only.
"""
