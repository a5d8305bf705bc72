"""How well a checkpoint talks with strangers about everyday things."""
