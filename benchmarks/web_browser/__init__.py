"""The page in a real Chromium: latencies, barge-in, and what it hears of itself."""
