"""The realtime socket: a conversation for each connection."""
