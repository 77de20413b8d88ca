"""Music: listens in, recommendations out. The arithmetic lives in `core`."""
