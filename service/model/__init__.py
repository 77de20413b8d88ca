"""What learn writes and recommend reads: the catalogue as arrays, and the model versions."""
