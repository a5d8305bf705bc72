"""Text → what a voice can say, and how it says it."""
