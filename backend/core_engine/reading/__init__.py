"""Written forms as a reader says them: a stage in front of the voice, pure text in, text and positions out."""
