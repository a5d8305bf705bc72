"""What is kept of a study and of its participants: logs, lock, sealed key, deletion."""
