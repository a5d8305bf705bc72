"""How the tables of the index came to be; Alembic brings an older index up to date."""
