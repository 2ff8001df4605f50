"""Lines of business, one file each; a file ends in one `DOMAIN`, named like the file (see `models.contract`)."""
