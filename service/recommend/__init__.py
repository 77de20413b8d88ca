"""A listener and a context in, a list with reasons out."""
