"""Published rows of the field: their protocols as data, and one command that runs them."""
