"""What to learn from: scenes drawn on the fly, pictures with captions, and text."""
