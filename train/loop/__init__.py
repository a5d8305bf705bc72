"""The one training loop: batches, optimisers, saved states, the run folder."""
