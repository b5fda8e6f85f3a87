"""From a text to the token ids of the model, chunk by chunk."""
