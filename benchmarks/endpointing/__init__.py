"""When a turn is over: pauses in real speech, and the measures of the field."""
