"""Encoded answers, kept in this process until they are old or something newer is known."""
