"""A small network that hears whether a turn is over, and its weights."""
