"""What a client orders of items and answers, and what it is about."""
