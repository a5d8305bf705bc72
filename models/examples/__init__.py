"""Written exchanges that the LLM is shown before it answers something like them."""
