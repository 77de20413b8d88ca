"""Arithmetic on arrays: no I/O, no ids, no clock, no state that outlives a call."""
