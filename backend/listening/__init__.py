"""Check that speech is intelligible: an independent listener and its word errors. For development only."""
