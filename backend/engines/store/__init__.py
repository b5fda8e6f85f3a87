"""Models on the disk: names, whole files, manifests, links and locks. Knows nobody."""
