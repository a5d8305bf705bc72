"""When a person's turn begins, pauses and ends."""
