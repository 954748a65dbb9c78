"""Faces: they translate and hold no logic."""
