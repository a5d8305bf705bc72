"""A conversation as it goes: turns are taken, awaited and interrupted, on the audio clock."""
