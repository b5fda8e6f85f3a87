"""The same narration on the machines of a Ray cluster."""
