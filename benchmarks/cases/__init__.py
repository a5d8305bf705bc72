"""Situations that users of voice assistants report, each held once and judged."""
