"""The prompt of VibeVoice: a line of text and the voice to speak it."""

import re
from collections.abc import Collection

from engines.contract.errors import RequestError

SPEAKER = "0"
VOICE_TOKENS = ("<|vision_start|>", "<|vision_pad|>", "<|vision_end|>")  # tokens of Qwen2.5, used for speech here
# Identical to the prompt of the code published with the models, including spaces.
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

# Upstream recommends English punctuation, also for Chinese, and warns about Chinese quotes (docs/vibevoice-tts.md).
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
    """Return `text` without special tokens, such as "<|vision_pad|>".

    The tokenizer does not read them as text; in a prompt they would be placeholders for missing audio.
    """
    for word in sorted(control_words, key=len, reverse=True):
        text = text.replace(word, " ")
    return text


def script_text(text: str, control_words: Collection[str]) -> str:
    """Return `text` in one line, with the punctuation that the model knows and without special tokens.

    Raises RequestError if nothing to speak is left.
    """
    text = without_commands(text, control_words)
    line = _SPACE_BEFORE.sub("", " ".join(text.translate(_PUNCTUATION).split()))
    if not any(character.isalnum() for character in line):
        raise RequestError("The text has nothing to speak. Write at least one word.")
    return line
