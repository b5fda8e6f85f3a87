"""Kokoro without Django: text → phonemes → token ids → chunks → voice row → session → audio."""
