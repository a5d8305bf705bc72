"""What an LLM says that is held back before anybody hears it."""
