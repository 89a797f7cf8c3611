"""`minimm scaling-law`: train sizes on amounts of a text, fit how the loss falls with both, and say how sure that is."""
