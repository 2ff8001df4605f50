"""Public tables, one file each; a file ends in one `PUBLIC`, named like the file."""
