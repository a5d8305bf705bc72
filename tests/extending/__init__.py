"""The smallest of each kind that can be added; `tests.test_extending` adds them in memory."""
