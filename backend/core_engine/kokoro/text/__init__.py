"""Turn text into chunks of phonemes and token ids."""
