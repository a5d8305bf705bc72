"""Settings of a session: what a client may ask for, and what is in force."""
