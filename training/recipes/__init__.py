"""Recipes: which architecture learns what, how, and the TOML files that say so."""
