"""Read story files into segments."""
