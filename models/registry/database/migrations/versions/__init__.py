"""One file for every change of the schema; none of them is ever changed."""
