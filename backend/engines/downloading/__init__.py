"""Models are fetched here: from where (policy, source), how (transfer), into a place nobody else sees (staging)."""
