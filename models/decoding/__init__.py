"""Decode steps of a fixed shape, shared by the conversations that are being answered."""
