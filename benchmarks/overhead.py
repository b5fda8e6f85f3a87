"""How much does `generate_audio` cost beyond the bare run of the model, durable file included?"""

import os
import tempfile

import django
from side_by_side import alternate

SENTENCE = "The lighthouse keeper climbed the stairs at dusk, carrying a lantern and a book of old letters."
ROUNDS = 30


def measure() -> dict[str, float]:
    """Return the milliseconds of both sides, their difference and their ratio, with the configured model."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "storyflow_backend.settings"
    os.environ.setdefault("STORYFLOW_TTS_MODEL", "default")
    django.setup()
    from core_engine import tts_wrapper
    from core_engine.kokoro.inference import read_signature, run
    from core_engine.kokoro.voice_packs import style_row
    from core_engine.model_loader import KokoroModelLoader

    session = KokoroModelLoader.get_session()
    signature = read_signature(session)
    ids = tts_wrapper.tokenize_text(SENTENCE)[0, 1:-1].tolist()
    style = style_row(tts_wrapper.get_voice_embedding("af_bella"), len(ids))
    with tempfile.TemporaryDirectory() as folder:
        bare, whole = alternate(
            lambda: run(session, signature, ids, style, 1.0),
            lambda: tts_wrapper.generate_audio(SENTENCE, output_path=f"{folder}/a.wav"),
            rounds=ROUNDS,
        )
    return {
        "bare run (ms)": bare * 1e3,
        "generate_audio (ms)": whole * 1e3,
        "difference (ms)": (whole - bare) * 1e3,
        "ratio": whole / bare,
    }
