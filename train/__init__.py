"""The two-stage training pipeline: data, continuations, alignment, evaluation."""
