"""Other voice assistants on the same recordings; each runs in an environment of its own."""
