"""What a person sees: the terminal and the web page."""
