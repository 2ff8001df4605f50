"""Who may ask: keys, rates, scopes, browser sessions."""
