"""What works on this machine: parts, microphone, voices."""
