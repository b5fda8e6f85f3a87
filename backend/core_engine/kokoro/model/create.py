"""The type of the functions that make sessions: onnxruntime's InferenceSession, and what wraps it."""

from collections.abc import Callable
from typing import Any

Create = Callable[..., Any]
"""`create(model, sess_options=…)` returns an onnxruntime session of a model: a path, or its bytes."""
