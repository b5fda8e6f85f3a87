"""Segments become WAV files in the folder of a project."""
