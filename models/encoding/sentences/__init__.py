"""A pretrained sentence encoder: a text as one vector, near those of texts that mean the same."""
