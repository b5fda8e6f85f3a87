"""How long from the start of the process to the first finished WAV, and how much memory does a sentence take?"""

import tempfile
from pathlib import Path

from answers import Ratio
from overhead import SENTENCE
from prepared import STORYFLOW, VOICE, model, peer
from side_by_side import Cost, alternate_processes


def measure(full: bool = False) -> list[Ratio]:
    """Say "Hello." and a sentence of about 100 tokens, in turn with the peer."""
    rounds = 9 if full else 3
    hello, hello_of_peer = _said("Hello.", rounds)
    sentence, sentence_of_peer = _said(SENTENCE, rounds)
    return [
        Ratio("start to first WAV of “Hello.”", hello.seconds, hello_of_peer.seconds, "s", at_most=0.50),
        Ratio("start to first WAV of “Hello.”: processor time", hello.cpu_s, hello_of_peer.cpu_s, "s", at_most=0.50),
        Ratio("one sentence: peak memory", sentence.peak_mb, sentence_of_peer.peak_mb, "MB", at_most=0.95),
        Ratio("one sentence: processor time, start included", sentence.cpu_s, sentence_of_peer.cpu_s, "s"),
    ]


def _said(text: str, rounds: int) -> list[Cost]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "text.txt"
        file.write_text(text, encoding="utf-8")
        return alternate_processes(
            [STORYFLOW, "say", text, "--output", Path(folder) / "ours.wav", "--model", model(), "--voice", VOICE],
            peer("--text", file, "--output", Path(folder) / "peer.wav"),
            rounds=rounds,
        )
