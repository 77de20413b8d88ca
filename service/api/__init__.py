"""HTTP: decode, one call, encode. DESIGN.md section 5 is the contract."""
