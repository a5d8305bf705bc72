"""Whether a person is done: told by words and by the sound of a voice."""
