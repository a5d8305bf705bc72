"""Pretrained parts that Attune is made of: what they are, and where they are had."""
