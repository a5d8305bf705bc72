"""Attune on a Ray cluster: replicas of model and voice, and gateways that own the conversations."""
