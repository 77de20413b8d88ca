"""Spotify's closed endpoints over the operator's own catalogue: old code runs again."""
