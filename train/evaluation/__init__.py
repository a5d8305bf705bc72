"""Test sets answered, figures counted, probabilities calibrated."""
