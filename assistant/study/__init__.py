"""Studies: design, conditions, participants, their records, exports and deletion."""
