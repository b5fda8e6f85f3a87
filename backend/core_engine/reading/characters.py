"""Scripts that are written without spaces: their characters stand for words where text is shown or timed."""

import re

_CHINESE_AND_JAPANESE = "\u3041-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_ATTACHED = "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮーんン々"
"""Kana that belong to the character before them."""

CHARACTER = re.compile(
    rf"[{_CHINESE_AND_JAPANESE}](?:[{_ATTACHED}]|[^\w\s「『（“‘《【])*|[^\s{_CHINESE_AND_JAPANESE}]+"
)
"""A character of such a script with the marks behind it, or a run of other characters."""
