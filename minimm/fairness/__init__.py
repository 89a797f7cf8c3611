"""Bias: measured in several ways, each with its interval; and what can be done against it."""
