"""From a recipe and data to a draft of a bundle."""
