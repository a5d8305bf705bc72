"""The command and the page of records."""
