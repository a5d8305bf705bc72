"""The export of a study, and whether its rows stand in the logs."""
