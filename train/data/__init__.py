"""Utterances and their sound, by reference."""
