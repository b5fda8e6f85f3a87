"""The ONNX model: its file, its session and its runs."""
