"""What a study file says: conditions, cells, texts; read and checked."""
