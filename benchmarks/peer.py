"""Run kokoro-onnx, the peer of StoryFlow Voice, on the same model, voices and text, in a process of its own.

    python peer.py MODEL_FOLDER --text FILE --output OUT.wav [--voice NAME]
    python peer.py MODEL_FOLDER --first-sound FILE
    python peer.py MODEL_FOLDER --text-side FILE.json

MODEL_FOLDER holds kokoro-v0_19.onnx and voices.npz. The first form speaks the text and writes a WAV, called as the
README of kokoro-onnx shows: `Kokoro(model, voices).create(text, voice, speed, lang)`, on all cores. The second speaks a
text with `create_stream` and prints as JSON `first_s` and `first_cpu_s`, the seconds until its first sound, after a
short text that is not counted. The third turns a JSON list of texts into token ids and prints as JSON `text_s`, the
seconds of all of them after a short one.

kokoro-onnx cuts silence at both ends of each part (`trim`), fills its parts of 510 tokens evenly, and does not
normalise the text. It maps phonemes by the v1.0 vocabulary that it carries.
"""

import argparse
import asyncio
import json
import os
import time
from pathlib import Path

MODEL_NAME = "kokoro-v0_19.onnx"
VOICES_NAME = "voices.npz"
LANGUAGE = "en-us"


def speak(folder: Path, text: str, voice: str, output: Path) -> None:
    """Load the model in `folder` and speak a text into a WAV."""
    import soundfile
    from kokoro_onnx import Kokoro

    kokoro = Kokoro(str(folder / MODEL_NAME), str(folder / VOICES_NAME))
    samples, sample_rate = kokoro.create(text, voice=voice, speed=1.0, lang=LANGUAGE)
    soundfile.write(output, samples, sample_rate)


def first_sound_s(folder: Path, text: str, voice: str) -> dict[str, float]:
    """Return the seconds from a request to the first sound of a stream, of the clock and of the processor."""
    from kokoro_onnx import Kokoro

    kokoro = Kokoro(str(folder / MODEL_NAME), str(folder / VOICES_NAME))
    kokoro.create("Ready.", voice=voice, speed=1.0, lang=LANGUAGE)

    async def first() -> None:
        async for _ in kokoro.create_stream(text, voice=voice, speed=1.0, lang=LANGUAGE):
            spent.update(first_s=time.perf_counter() - begin, first_cpu_s=time.process_time() - begin_cpu)
            break

    spent: dict[str, float] = {}
    begin, begin_cpu = time.perf_counter(), time.process_time()
    asyncio.run(first())
    return spent


def text_side_s(texts: list[str]) -> float:
    """Return the seconds for what `create` does to texts before the model runs."""
    from kokoro_onnx.chunker import split_phonemes
    from kokoro_onnx.tokenizer import Tokenizer

    tokenizer = Tokenizer()

    def read(text: str) -> None:
        phonemes = " ".join(tokenizer.phonemize(text, LANGUAGE).split())
        for part in split_phonemes(phonemes):
            tokenizer.tokenize(part)

    read("Ready.")
    begin = time.perf_counter()
    for text in texts:
        read(text)
    return time.perf_counter() - begin


def main() -> None:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model_folder", type=Path)
    parser.add_argument("--text", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--first-sound", type=Path, metavar="FILE")
    parser.add_argument("--text-side", type=Path, metavar="FILE.json")
    parser.add_argument("--voice", default="af_bella")
    given = parser.parse_args()
    if given.text_side:
        print(json.dumps({"text_s": text_side_s(json.loads(given.text_side.read_text(encoding="utf-8")))}))
    elif given.first_sound:
        text = given.first_sound.read_text(encoding="utf-8")
        print(json.dumps(first_sound_s(given.model_folder, text, given.voice)), flush=True)
        os._exit(0)  # without waiting for the rest of the stream
    else:
        speak(given.model_folder, given.text.read_text(encoding="utf-8"), given.voice, given.output)


if __name__ == "__main__":
    main()
