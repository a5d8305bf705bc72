"""The run of a study: pages, checks, conversations, and who is where."""
