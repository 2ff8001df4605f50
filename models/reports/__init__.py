"""What people read about a model: its training report, its model card, and what choosing ads by it is worth."""
