"""Looking inside a model: which positions each one attends to, in every layer and head."""
