"""Captions of a narration: its written text, shown while it is spoken."""
