"""What a GPU makes of the model: one short script, for whenever a card can be had."""
