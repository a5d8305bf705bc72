"""Recordings of any format and state → samples."""
