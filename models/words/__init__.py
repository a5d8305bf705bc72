"""Words of the person: as the decoder writes them, which of them nobody said, brief ones."""
