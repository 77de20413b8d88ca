"""Experiments: who is in which variant, and what can honestly be said of the outcome."""
