"""The text of a segment as a line of the script that VibeVoice reads."""

import re
from collections.abc import Collection

from engines.errors import RequestError

# Upstream advises English punctuation, for Chinese too, and warns of Chinese quotation marks (docs/vibevoice-tts.md).
_PUNCTUATION = str.maketrans(
    {
        **dict.fromkeys("，、；：", ", "),
        **dict.fromkeys("。．", ". "),
        "！": "! ",
        "？": "? ",
        **dict.fromkeys("「」『』《》〈〉", " "),
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("‘’", "'"),
        "（": " (",
        "）": ") ",
    }
)
_SPACE_BEFORE = re.compile(r"\s+(?=[,.!?])")


def script_text(text: str, control_words: Collection[str]) -> str:
    """Return `text` in one line, in the punctuation that the model knows, without the words that command it.

    `control_words` are those that the tokenizer does not read as text, such as "<|vision_pad|>": in a prompt each of
    them would stand for sound that is not there. Raises RequestError if nothing to speak is left.
    """
    for word in sorted(control_words, key=len, reverse=True):
        text = text.replace(word, " ")
    line = _SPACE_BEFORE.sub("", " ".join(text.translate(_PUNCTUATION).split()))
    if not any(character.isalnum() for character in line):
        raise RequestError("The text has nothing to speak. Write at least one word.")
    return line
