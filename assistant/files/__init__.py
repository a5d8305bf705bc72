"""Conversations with recordings and typed questions in place of a microphone."""
