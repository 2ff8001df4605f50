"""Reading requests and stating problems."""
