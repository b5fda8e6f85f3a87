"""The script that VibeVoice reads: a line of text and the voice that is to speak it."""

import re
from collections.abc import Collection

from engines.contract.errors import RequestError

SPEAKER = "0"
VOICE_TOKENS = ("<|vision_start|>", "<|vision_pad|>", "<|vision_end|>")  # Qwen2.5's own, used for speech here
# As the code that the models were published with puts it together, blank for blank.
PROMPT_TEMPLATE = (
    " Transform the text provided by various speakers into speech output, utilizing the distinct voice of each"
    " respective speaker.\n"
    " Voice input:\n"
    f" Speaker {SPEAKER}:{''.join(VOICE_TOKENS)}\n"
    " Text input:\n"
    "{% for message in messages %}{% for part in message['content'] if part['type'] == 'text' %}"
    " Speaker {{ message['role'] }}: {{ part['text'] }}\n"
    "{% endfor %}{% endfor %}"
    f" Speech output:\n{VOICE_TOKENS[0]}"
)

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


def without_commands(text: str, control_words: Collection[str]) -> str:
    """Return `text` without the words that command the model, such as "<|vision_pad|>".

    They are those that the tokenizer does not read as text; in a prompt each of them would stand for sound that is not
    there.
    """
    for word in sorted(control_words, key=len, reverse=True):
        text = text.replace(word, " ")
    return text


def script_text(text: str, control_words: Collection[str]) -> str:
    """Return `text` in one line, in the punctuation that the model knows, without the words that command it.

    Raises RequestError if nothing to speak is left.
    """
    text = without_commands(text, control_words)
    line = _SPACE_BEFORE.sub("", " ".join(text.translate(_PUNCTUATION).split()))
    if not any(character.isalnum() for character in line):
        raise RequestError("The text has nothing to speak. Write at least one word.")
    return line
