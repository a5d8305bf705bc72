"""Rooms, clients and sounds to measure in."""
