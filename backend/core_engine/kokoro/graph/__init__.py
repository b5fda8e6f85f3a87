"""ONNX graphs, read and rewritten without the `onnx` package and without the runtime."""
