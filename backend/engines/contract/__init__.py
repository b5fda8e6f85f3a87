"""What an engine and its client say to each other."""
