"""Kokoro, independent of Django: text → phonemes → token ids → chunks → style vector → session → audio."""
