"""Semantic and emotion alignment: from two pretrained parts to one model."""
