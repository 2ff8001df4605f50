"""The live models of a process, and how they follow the registry."""
