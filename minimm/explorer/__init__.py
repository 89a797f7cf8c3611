"""Attention to look at in a browser: one page that holds all it needs."""
