"""The emotion head: how it is taught, and taken from one checkpoint to another."""
