"""A pretrained Whisper's encoder learns to do without 30 s of padding."""
