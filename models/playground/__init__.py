"""A small network on a plane, to be watched while it learns; everything that is computed comes from `models.nn`."""
