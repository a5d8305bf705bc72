"""Engines: voice activity detectors, speech models and voices, one file each."""
