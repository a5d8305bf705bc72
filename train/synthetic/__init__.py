"""Synthetic speech, and what happens to speech on its way to a microphone."""
