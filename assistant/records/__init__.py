"""Records of conversations: finding, reading, indexing, exporting and deleting."""
