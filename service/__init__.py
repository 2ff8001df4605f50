"""HTTP and the command line. Imports `models` and `data`; nothing imports it."""
