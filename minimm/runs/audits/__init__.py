"""How a trained model treats groups, kind by kind, and the model card that is written from it."""
