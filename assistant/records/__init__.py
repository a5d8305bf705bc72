"""Records of conversations: finding, reading, indexing, exporting, replaying and deleting."""
