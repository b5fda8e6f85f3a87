"""Texts with recordings of them, good and bad: what an engine that judges narration has to tell apart.

The real voice speaks them. A bad recording says another text, or its samples were changed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from listening.texts import PASSAGES

Samples = npt.NDArray[np.float32]
Change = Callable[[Samples, int], Samples]
"""Returns changed samples; also gets their rate in Hz."""


@dataclass(frozen=True)
class Pair:
    """A text, and how its recording is made."""

    expected: str
    spoken: str
    """What the voice says."""
    fault: str = ""
    """What is wrong with the recording; empty if it is good."""
    change: Change | None = None
    voice: str = "af_heart"
    speed: float = 1.0
    language: str = "en"

    @property
    def is_fault_of_sound(self) -> bool:
        """Whether all words are right and only the sound is bad."""
        return self.fault in ("noise", "clipping", "stutter")


def noise(snr_db: float) -> Change:
    """Return a change that adds white noise so many dB below the speech."""

    def change(samples: Samples, _rate: int) -> Samples:
        speech = samples[np.abs(samples) > 0.02 * np.abs(samples).max()]
        level = float(np.sqrt(np.mean(speech**2))) * 10 ** (-snr_db / 20)
        added = np.random.default_rng(len(samples)).normal(0, level, len(samples))
        return np.clip(samples + added, -1, 1).astype(np.float32)

    return change


def gain(factor: float) -> Change:
    """Return a change of the level; what exceeds full scale is clipped."""
    return lambda samples, _: np.clip(samples * np.float32(factor / np.abs(samples).max()), -1, 1)


def first_half(samples: Samples, _rate: int) -> Samples:
    """Return the first half."""
    return samples[: len(samples) // 2]


def silence(samples: Samples, _rate: int) -> Samples:
    """Return silence of the same length."""
    return np.zeros_like(samples)


def pauses(samples: Samples, rate: int) -> Samples:
    """Return the samples between long silences: together more than the 30 seconds that Whisper hears at once."""
    return np.concatenate([np.zeros(16 * rate, np.float32), samples, np.zeros(16 * rate, np.float32)])


def stutter(samples: Samples, rate: int) -> Samples:
    """Return the samples with the loudest fifth of a second five times."""
    width = rate // 5
    start = int(np.argmax(np.convolve(samples**2, np.ones(width, np.float32), "valid")))
    piece = samples[start : start + width]
    return np.concatenate([samples[:start], *[piece] * 5, samples[start + width :]])


_VOICES = ("af_heart", "am_michael", "bf_emma", "bm_george", "af_bella", "am_fenrir")
_WRITTEN = (
    "Well… I never thought of it… until now.",
    "Four… three… two… one… and then nothing…",
    "One, two, three, go!",
    "Smith & Sons opened a second shop in the old market.",
    "In 1905 the town had 1,250 people and 3 schools.",
    "Dr. Hale paid $12.50 for the lamp on May 3rd.",
    "It was 7:30 a.m. when the 2nd train left.",
    "Chapter 4 begins on page 123.",
    "The colour of the harbour changed under the grey storm.",
    "“Don't move,” she whispered. “It's still there, isn't it?”",
    "He can't have known, and they wouldn't have told him.",
    "Mr. Fox met Mrs. Crane at the corner of King's Road.",
    "The F.B.I. agent waited for the report.",
    "About 50% of the seeds grew to a height of 20 cm.",
    "There was music (very quiet) in the back room.",
    "The hare ate a pear while the bear stared at the sea.",
    "Their horse was hoarse, so the knight stayed there all night.",
)
_PLAIN = (
    "The baker locked the shop and walked home through the snow.",
    "A thin boy carried the basket across the wooden bridge.",
    "Nobody answered when she knocked on the kitchen window.",
    "The captain folded the map and looked at the clouds.",
    "Her brother painted the fence before the guests arrived.",
    "They buried the silver box under the apple tree.",
    "The train stopped twice before it reached the coast.",
    "Every morning the gardener watered the yellow roses.",
    "The teacher opened the letter with trembling hands.",
    "An owl watched the farmer from the broken roof.",
    "The doctor wrapped the bandage around his finger.",
    "Two soldiers guarded the narrow gate until sunrise.",
)
_LONG = (
    "The lamp went out, and for a while nobody spoke. Then the old man laughed and struck a match. Outside, the wind "
    "pushed the rain against the windows.",
    "We reached the village before dark. The inn was full, so the miller gave us his barn. In the morning his daughter "
    "brought bread and warm milk.",
    "She counted the coins once more and put them back into the drawer. There was enough for the journey. What worried "
    "her was the road through the forest.",
)
_RIGHT = _WRITTEN + _PLAIN + _LONG
_FAULTY = (
    ("missing", "The baker locked the shop and walked through the snow."),
    ("replaced", "A thin boy carried the basket across the wooden table."),
    ("doubled", "Nobody answered when she knocked knocked on the kitchen window."),
    ("missing", "The captain folded the and looked at the clouds."),
    ("replaced", "Her sister painted the fence before the guests arrived."),
    ("doubled", "They buried the silver silver box under the apple tree."),
    ("missing", "The stopped twice before it reached the coast."),
    ("replaced", "Every evening the gardener watered the yellow roses."),
    ("doubled", "The teacher opened the letter letter with trembling hands."),
    ("missing", "An owl watched the farmer from the roof."),
    ("replaced", "The doctor wrapped the blanket around his finger."),
    ("doubled", "Two soldiers guarded the narrow gate gate until sunrise."),
    ("replaced", "The baker locked the door and walked home through the snow."),
    ("missing", "A boy carried the basket across the wooden bridge."),
    ("replaced", "Nobody answered when she knocked on the kitchen ceiling."),
    ("doubled", "The captain folded the map and looked looked at the clouds."),
    ("missing", "Her brother the fence before the guests arrived."),
    ("replaced", "They buried the silver spoon under the apple tree."),
    ("doubled", "The train train stopped twice before it reached the coast."),
    ("missing", "Every morning the gardener the yellow roses."),
    ("replaced", "The teacher opened the letter with trembling voices."),
    ("missing", "An owl the farmer from the broken roof."),
    ("replaced", "The doctor wrapped the bandage around his pocket."),
    ("missing", "Two soldiers guarded the gate until sunrise."),
    ("doubled", "Every morning morning the gardener watered the yellow roses."),
)


def good_pairs() -> list[Pair]:
    """Return 40 good ones: written forms, homophones; long, quiet, fast, slow; with some noise; in Spanish."""
    first, second, third, fourth = _PLAIN[:4]
    spanish = PASSAGES[0]
    return [
        *(_right(text) for text in _RIGHT),
        _right(first, noise(20)),
        _right(second, noise(20)),
        _right(third, noise(25)),
        _right(first, gain(0.05)),
        Pair(second, second, speed=1.25),
        Pair(third, third, speed=0.85, voice="bm_george"),
        _right(fourth, pauses),
        Pair(spanish.text, spanish.text, voice=spanish.voice, language=spanish.language),
    ]


def bad_pairs() -> list[Pair]:
    """Return 40 bad ones."""
    words = [
        Pair(_PLAIN[index % len(_PLAIN)], spoken, fault, voice=_VOICES[(index + 1) % len(_VOICES)])
        for index, (fault, spoken) in enumerate(_FAULTY[:-1])
    ]
    fault, spoken = _FAULTY[-1]
    one, two, three = _LONG
    changed = (
        ("half", first_half, one),
        ("half", first_half, _PLAIN[5]),
        ("silence", silence, _PLAIN[0]),
        ("noise", noise(10), _PLAIN[0]),
        ("noise", noise(10), _PLAIN[4]),
        ("noise", noise(0), _PLAIN[8]),
        ("clipping", gain(4), _PLAIN[1]),
        ("clipping", gain(8), _PLAIN[6]),
        ("clipping", gain(5), two),
        ("stutter", stutter, _PLAIN[2]),
        ("stutter", stutter, _PLAIN[7]),
    )
    return [
        *words,
        Pair(_PLAIN[7], spoken, fault),
        Pair(two, _swapped(two), "swapped"),
        Pair(three, _swapped(three), "swapped"),
        replace(_right(_PLAIN[3]), expected=_PLAIN[9], fault="wrong sentence"),
        replace(_right(_PLAIN[0]), expected=_PLAIN[11], fault="wrong sentence"),
        *(_right(text, change, fault) for fault, change, text in changed),
    ]


def _right(text: str, change: Change | None = None, fault: str = "") -> Pair:
    """Return a pair with all words, in the voice that has this text."""
    return Pair(text, text, fault, change, _VOICES[_RIGHT.index(text) % len(_VOICES)])


def _swapped(text: str) -> str:
    first, second, *rest = text.split(". ")
    return ". ".join([second, first, *rest])
