"""The language stage: an instruction LLM is taught to talk as a companion does."""
