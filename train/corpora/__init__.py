"""Readers of speech corpora in their original layout, one file each."""
