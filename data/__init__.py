"""Tables and rows: descriptions, checks, files, splits, simulators. Imports no other package of this project."""
