"""Wrong and right-but-different implementations of the contract, to test the specs themselves."""
