"""Every figure EchoTune quotes is printed by `python -m bench NAME`."""
