"""Voices: files, packs, names and blends."""
