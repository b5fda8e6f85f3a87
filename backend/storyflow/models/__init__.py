"""The user's models, in the order of their way: registry → pulling or identify → adding → library → info."""
