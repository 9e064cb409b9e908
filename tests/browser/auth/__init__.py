"""The pages of a person's account, in a real browser."""
