"""Emotion of a voice: heads, statistics, and the part of a sound that is spoken."""
