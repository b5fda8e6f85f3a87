"""Run a peer of StoryFlow Voice on the same model, voices and text, in a process of its own.

    python peers.py NAME MODEL_FOLDER --text FILE --output OUT.wav [--repeat N]
    python peers.py NAME MODEL_FOLDER --text-side FILE.json

MODEL_FOLDER holds kokoro-v0_19.onnx and voices.npz. The first form speaks the text and writes a WAV, the second only
turns a JSON list of texts into token ids; without either the peer's form of the model is made and nothing else. One
line of JSON is printed: `load_s` counts from before the import of the peer, `speak_s` is the upper median of `each_s`,
`text_s` is the time of all texts after a first short one that belongs to `load_s`, `peak_mb` the most memory that was
resident. Exit code 3: not available, with the reason on one line.

| peer | tried | licence | called as its README shows | threads unless --threads says |
|---|---|---|---|---|
| kokoro-onnx | 0.6.1 | MIT | `Kokoro(model, voices).create(text, voice, speed, lang)` | onnxruntime's: all cores |
| pykokoro | 0.10.6 | Apache-2.0 | `KokoroSynthesizer(config).synthesize_text(text)` | onnxruntime's: all cores |
| sherpa-onnx | 1.13.8 | Apache-2.0 | `OfflineTts(config).generate(text, sid, speed)` | 1 |

What differs from StoryFlow Voice, and between them:

* kokoro-onnx cuts silence at both ends of each part (`trim`), fills its parts of 510 tokens evenly, and does not
  normalise the text. It maps phonemes by the v1.0 vocabulary that it carries.
* pykokoro makes its default phonemes from a dictionary that it downloads; here it is set to espeak, word by word. Its
  phonemes are of v1.0. Long texts are split into sentences; very short ones are spoken within a longer phrase and cut
  out; the cache of what it said before is off, so that `--repeat` speaks again. The first text opens the model, so
  `load_s` is in the first of `each_s`.
* sherpa-onnx speaks sentence by sentence, shortens pauses to a fifth, and brings an onnxruntime of its own. Releases
  from 2.0 on leave phonemes to the caller, so the last one before it is measured. Its text side cannot be called alone.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peer_models import MODEL, VOICES, configuration_for_pykokoro, model_for_sherpa

LANGUAGE = "en-us"
NOT_AVAILABLE = 3

Speak = Callable[[str], tuple[Any, int]]
"""Text → float32 samples of shape (n,), samples per second."""


@dataclass(frozen=True)
class Peer:
    """How a peer is prepared, loaded and asked."""

    load: Callable[[Path, str, int | None], Speak]
    """Model folder, voice and threads, None for the peer's default → what speaks; the import belongs to it."""
    load_text_side: Callable[[Path], Callable[[str], int]] | None = None
    """Model folder → what turns a text into token ids and counts them; None where it cannot be called alone."""
    prepare: Callable[[Path], object] = lambda _folder: None
    """Make the peer's form of the model, if it is not there yet; not timed."""


class NotAvailableError(Exception):
    """The peer cannot do what is asked here; the message is one line."""


def load_kokoro_onnx(folder: Path, voice: str, threads: int | None) -> Speak:
    """Return the `create` of kokoro-onnx."""
    from kokoro_onnx import Kokoro

    model, voices = str(folder / MODEL), str(folder / VOICES)
    if threads is None:
        kokoro = Kokoro(model, voices)
    else:
        from onnxruntime import InferenceSession

        session = InferenceSession(model, _session_options(threads), providers=["CPUExecutionProvider"])
        kokoro = Kokoro.from_session(session, voices)
    return lambda text: kokoro.create(text, voice=voice, speed=1.0, lang=LANGUAGE)


def load_text_side_of_kokoro_onnx(_folder: Path) -> Callable[[str], int]:
    """Return what `create` of kokoro-onnx does to a text before the model runs."""
    from kokoro_onnx.chunker import split_phonemes
    from kokoro_onnx.tokenizer import Tokenizer

    tokenizer = Tokenizer()

    def count(text: str) -> int:
        phonemes = " ".join(tokenizer.phonemize(text, LANGUAGE).split())
        return sum(len(tokenizer.tokenize(part)) for part in split_phonemes(phonemes))

    return count


def load_pykokoro(folder: Path, voice: str, threads: int | None) -> Speak:
    """Return the `synthesize_text` of pykokoro, which opens the model with the first text."""
    synthesizer = _pykokoro(folder, voice, threads)

    def speak(text: str) -> tuple[Any, int]:
        rendered = synthesizer.synthesize_text(text, language=LANGUAGE, voice=voice)
        return rendered.audio, rendered.sample_rate

    return speak


def load_text_side_of_pykokoro(folder: Path) -> Callable[[str], int]:
    """Return the `prepare` of pykokoro, which does not split a long text yet."""
    from pykokoro import SynthesisSegment

    synthesizer = _pykokoro(folder, "af_bella", None)

    def count(text: str) -> int:
        return len(synthesizer.prepare(SynthesisSegment(id="text", text=text, language=LANGUAGE)).token_ids)

    return count


def _pykokoro(folder: Path, voice: str, threads: int | None) -> Any:
    from pykokoro import GenerationConfig, KokoroSynthesizer, SynthesisConfig
    from pykokoro.tokenizer import TokenizerConfig

    config = SynthesisConfig(
        voice=voice,
        generation=GenerationConfig(lang=LANGUAGE),
        model_path=folder / MODEL,
        voices_path=folder / VOICES,
        model_config_path=configuration_for_pykokoro(folder),
        session_options=None if threads is None else _session_options(threads),
        tokenizer_config=TokenizerConfig(backend="espeak"),
        long_text_split="sentence",
        inference_cache_enabled=False,
    )
    return KokoroSynthesizer(config)


def load_sherpa_onnx(folder: Path, voice: str, threads: int | None) -> Speak:
    """Return the `generate` of sherpa-onnx."""
    import espeakng_loader
    import numpy as np
    import sherpa_onnx

    prepared = model_for_sherpa(folder)
    kokoro = sherpa_onnx.OfflineTtsKokoroModelConfig(
        model=str(prepared / "model.onnx"),
        voices=str(prepared / "voices.bin"),
        tokens=str(prepared / "tokens.txt"),
        data_dir=str(espeakng_loader.get_data_path()),
    )
    model = sherpa_onnx.OfflineTtsModelConfig(kokoro=kokoro, num_threads=threads or 1)
    engine = sherpa_onnx.OfflineTts(sherpa_onnx.OfflineTtsConfig(model=model))
    with np.load(folder / VOICES) as packs:
        speaker = packs.files.index(voice)

    def speak(text: str) -> tuple[Any, int]:
        audio = engine.generate(text, sid=speaker, speed=1.0)
        if not audio.samples:
            raise NotAvailableError("sherpa-onnx made no audio; releases from 2.0 on do not phonemise, install one <2")
        return np.asarray(audio.samples, dtype=np.float32), audio.sample_rate

    return speak


def _session_options(threads: int) -> Any:
    from onnxruntime import SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = threads
    return options


PEERS = {
    "kokoro-onnx": Peer(load_kokoro_onnx, load_text_side_of_kokoro_onnx),
    "pykokoro": Peer(load_pykokoro, load_text_side_of_pykokoro, prepare=configuration_for_pykokoro),
    "sherpa-onnx": Peer(load_sherpa_onnx, prepare=model_for_sherpa),
}


def main() -> None:
    """Do what the command line asks and print its figures."""
    given = _parser().parse_args()
    # Some peers, and the libraries below them, write to the standard output; what is asked for is one line.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        figures = _measured(PEERS[given.name], given)
    except (NotAvailableError, ImportError) as error:
        print(f"not available: {' '.join(str(error).split())}", file=answer)
        answer.flush()
        sys.exit(NOT_AVAILABLE)
    print(json.dumps({"name": given.name, **figures}), file=answer, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", choices=PEERS)
    parser.add_argument("model_folder", type=Path)
    parser.add_argument("--text", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--text-side", type=Path, metavar="FILE.json")
    parser.add_argument("--voice", default="af_bella")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--threads", type=int)
    return parser


def _measured(peer: Peer, given: argparse.Namespace) -> dict[str, object]:
    peer.prepare(given.model_folder)
    if given.text_side:
        return _text_side(peer, given)
    return _spoken(peer, given) if given.text else {}


def _spoken(peer: Peer, given: argparse.Namespace) -> dict[str, object]:
    text = given.text.read_text(encoding="utf-8")
    load_s, speak = _timed(lambda: peer.load(given.model_folder, given.voice, given.threads))
    each_s = []
    for _ in range(given.repeat):
        seconds, (samples, sample_rate) = _timed(lambda: speak(text))
        each_s.append(seconds)
    if given.output:
        import soundfile

        soundfile.write(given.output, samples, sample_rate)
    speak_s = sorted(each_s)[len(each_s) // 2]
    audio_s = len(samples) / sample_rate
    return {"load_s": load_s, "speak_s": speak_s, "audio_s": audio_s, "each_s": each_s, "peak_mb": _peak_mb()}


def _text_side(peer: Peer, given: argparse.Namespace) -> dict[str, object]:
    if peer.load_text_side is None:
        raise NotAvailableError(f"{given.name} does not let its text side be called alone")
    texts = json.loads(given.text_side.read_text(encoding="utf-8"))
    begin = time.perf_counter()
    count = peer.load_text_side(given.model_folder)
    count("Ready.")
    load_s = time.perf_counter() - begin
    text_s, tokens = _timed(lambda: sum(map(count, texts)))
    return {"load_s": load_s, "text_s": text_s, "tokens": tokens}


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


def _peak_mb() -> float | None:
    """Return the most memory this process had resident, where the system tells.

    ru_maxrss would not do: a process inherits it from the one that started it.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
