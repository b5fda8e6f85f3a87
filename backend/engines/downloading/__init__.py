"""Models are fetched here: from where (policy), how (transfer over source, package_source over package_tools and
archives), and into a place that nobody else sees (staging)."""
