"""Expands written forms (numbers, dates, abbreviations) to spoken words and tracks where each word was written."""
