"""Which language Whisper is to listen for, whatever code the speaking engine used."""

from collections.abc import Collection

# Codes that applications and speaking engines use, and what Whisper calls the language. A region says nothing to it.
_OTHER_NAMES = {
    "cmn": "zh",
    "cn": "zh",
    "fil": "tl",
    "in": "id",
    "iw": "he",
    "ji": "yi",
    "jp": "ja",
    "jv": "jw",  # Whisper kept the old code
    "kr": "ko",
    "nb": "no",
    "ua": "uk",
}
_CANTONESE = ("yue", "zh-hk", "zh-yue", "zh-mo")


def whisper_language(code: str, known: Collection[str]) -> str | None:
    """Return the one of `known`, Whisper's own codes, that `code` means; None, which is to detect it, without one.

    "zh-cn", "pt_BR" and "en-GB" are zh, pt and en. Cantonese is Chinese to the models before large-v3.
    """
    plain = code.strip().lower().replace("_", "-")
    if plain in _CANTONESE:
        return next((found for found in ("yue", "zh") if found in known), None)
    language = plain.partition("-")[0]
    language = _OTHER_NAMES.get(language, language)
    return language if language in known else None
