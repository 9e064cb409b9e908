"""From bytes to pixels: the only decoder, colours, and drawn fields."""
