"""How good a draft is, on people and slides that it has not seen."""
