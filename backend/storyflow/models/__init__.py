"""The user's models, in processing order: registry → pulling or identify → matching → adding → library → info."""
