"""Adapters: encoder states → embeddings for the LLM, one file each."""
