"""What a cluster costs and bears, measured and simulated."""
