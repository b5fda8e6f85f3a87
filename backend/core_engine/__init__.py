"""Text to speech for Django: text in, a normalised WAV file out."""

import os

# Some releases of onnxruntime report its use to their maker from their first session on. Nothing leaves this machine,
# so it is told not to before anything here can import it; it reads this variable and nothing later.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
