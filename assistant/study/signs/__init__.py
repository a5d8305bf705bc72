"""Signs that a participant may be a program, or have let one answer: shown, and never acted on."""
