"""The ONNX model: its file, its session, one run."""
