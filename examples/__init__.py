"""A bundled conversation, and the script that makes it."""
