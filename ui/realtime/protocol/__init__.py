"""The words of the realtime protocol: messages, settings, formats of sound."""
