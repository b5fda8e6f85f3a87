"""What can go wrong around the voice, made to go wrong: one file for each kind of fault."""
