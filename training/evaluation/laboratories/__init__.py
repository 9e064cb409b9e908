"""What laboratories say that were held out, one by one, and what is left of them in a network."""
