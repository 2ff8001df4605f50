"""Access control: keys, scopes, rate limits and browser sessions."""
