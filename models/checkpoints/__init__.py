"""Checkpoints on disk and on hubs: our layout, the published one, Whisper's."""
