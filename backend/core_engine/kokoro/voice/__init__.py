"""Voices: their files, packs, names and blends."""
