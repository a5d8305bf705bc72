"""Measurements: each module is a command that rewrites its own section of RESULTS.md."""
