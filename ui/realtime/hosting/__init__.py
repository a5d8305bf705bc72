"""Many conversations on one machine: who may come in, and what it can bear."""
