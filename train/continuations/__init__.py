"""What is to be said to each utterance: written by an LLM, and filtered."""
