"""Weights in the formats of other libraries: what was learned here is used there, and the other way round."""
