"""What it takes to run Attune for many people."""
