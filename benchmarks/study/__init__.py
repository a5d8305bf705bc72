"""User studies: a whole one with simulated people, and the signs of people who are none."""
