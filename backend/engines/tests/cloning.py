"""What the tests of engines that clone voices share: stand-ins for modules, servers by folder, sounds, requests."""

import importlib.util
import io
import types
import wave
from pathlib import Path
from typing import Any

import httpx
import numpy as np

RATE = 24_000  # Hz, of everything these engines speak


def module(name: str, **members: object) -> types.ModuleType:
    """Return a module to stand in for a library's."""
    made = types.ModuleType(name)
    made.__dict__.update(members)
    return made


def server_in(folder: Path, source: Path, server_class: str) -> Any:
    """Return the server of the engine in `source` for `folder`, which holds its engine.yaml and models."""
    spec = importlib.util.spec_from_file_location(f"{source.name}_server", source / "server.py")
    assert spec
    assert spec.loader
    server = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(server)
    return getattr(server, server_class)(folder)


def tone(
    seconds: float = 1.0, rate: int = 16_000, channels: int = 1, level: float = 0.3, subtype: str = "PCM_16"
) -> bytes:
    """Return a WAV file with 440 Hz at the peak `level`."""
    import soundfile

    wav = io.BytesIO()
    sound = level * np.sin(np.arange(round(seconds * rate)) * 440 * 2 * np.pi / rate)
    soundfile.write(wav, np.stack([sound] * channels, axis=1), rate, subtype=subtype, format="WAV")
    return wav.getvalue()


def upload(client: httpx.Client, name: str, wav: bytes) -> None:
    """Give the engine a speaker sample."""
    assert client.post(f"/samples/upload/{name}", content=wav).status_code == 200


def speak(client: httpx.Client, text: str, language: str = "en", *speakers: str, **parameters: float) -> httpx.Response:
    """Return the answer to /generate; the speaker is "one" unless others are named."""
    samples = [f"{speaker}.wav" for speaker in speakers or ("one",)]
    body = {"text": text, "language": language, "ttsSpeakerWav": samples, "parameters": parameters}
    return client.post("/generate", json=body)


def sound_of(answer: httpx.Response) -> "np.ndarray":
    """Return the samples of an answer that has to be speech."""
    assert answer.status_code == 200, answer.text
    return samples_of(answer.content)


def samples_of(wav: bytes) -> "np.ndarray":
    """Return the samples of what has to be a 16-bit mono WAV at 24 kHz, as whole numbers."""
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")
