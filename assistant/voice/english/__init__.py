"""English as it is written → English as it is said; the pattern for another language."""
