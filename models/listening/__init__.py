"""What hears: the part that all models share, and a model that only hears."""
