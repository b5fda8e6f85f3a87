"""Turn a narrated project into one file: an audiobook with chapters, or plain audio."""
