"""Listeners who never existed, living through the real service: what a variant would do to them.

Nobody's behaviour is proved by it. It shows that each metric moves where it should, and how a
change looks in a report before real listeners meet it.
"""
