"""Speech model and voice that work elsewhere: replicas of a Ray Serve application."""
