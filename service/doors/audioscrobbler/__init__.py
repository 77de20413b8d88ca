"""The submissions protocol 1.2 of 2007, which old players and hardware still speak."""
