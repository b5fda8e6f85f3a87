"""Speak text with a voice and a model: text in, audio out."""
