"""How much does `generate_audio` cost beyond the bare run of the model, durable file included?"""

import os
import tempfile
from pathlib import Path

import django
from answers import Ratio
from prepared import VOICE, model, models_dir
from side_by_side import alternate

SENTENCE = "The lighthouse keeper climbed the stairs at dusk, carrying a lantern and a book of old letters."


def measure(full: bool = False) -> list[Ratio]:
    """Compare `generate_audio` of about 100 tokens, and `session.run` of the same."""
    os.environ.update(
        DJANGO_SETTINGS_MODULE="storyflow_backend.settings",
        STORYFLOW_MODELS_DIR=str(models_dir()),
        STORYFLOW_TTS_MODEL=model().stem,
    )
    django.setup()
    from core_engine import tts_wrapper
    from core_engine.kokoro.model.inference import feed, read_signature
    from core_engine.kokoro.voice.packs import style_row
    from core_engine.model_loader import KokoroModelLoader

    session = KokoroModelLoader.get_session()
    ids = tts_wrapper.tokenize_text(SENTENCE)[0, 1:-1].tolist()
    style = style_row(tts_wrapper.get_voice_embedding(VOICE), len(ids))
    inputs = feed(read_signature(session), ids, style, 1.0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.wav"
        bare, whole = alternate(
            lambda: session.run(None, inputs),
            lambda: tts_wrapper.generate_audio(SENTENCE, voice_id=VOICE, output_path=str(path)),
            rounds=15 if full else 7,
        )
    return [Ratio("generate_audio ÷ bare run, 100 tokens", whole, bare, "s", at_most=1.02)]
