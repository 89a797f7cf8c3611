"""Pictures, recordings and texts in one space: find one by another."""
