"""Models on the disk: names, atomic writes, manifests, links and locks. Imports no other package of this project."""
