"""Microphone to speaker: the parts of a spoken conversation and the loop that joins them."""
