"""How records end: deleted on request, or when their time is over, unless they are held."""
