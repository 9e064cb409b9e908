"""The differential count of a case: what its cells are by people and by a model, and what follows of it."""
