"""Written exchanges: shown to the LLM that answers something like them, or the answer itself."""
