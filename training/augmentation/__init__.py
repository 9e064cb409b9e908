"""Changes of pictures while a network learns."""
