"""Voices, one engine each, and what they share."""
