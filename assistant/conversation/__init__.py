"""The conversation itself: hearing, replies, and the loop that joins them."""
