"""The user's models, in the order of their way: registry → pulling or identify → matching → adding → library → info."""
