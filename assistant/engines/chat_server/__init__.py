"""A speech model whose replies come from an OpenAI-compatible server, whatever LLM runs there."""
