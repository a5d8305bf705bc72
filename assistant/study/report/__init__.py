"""The report of a study: from the tables of an export to one page, tables and a notebook."""
