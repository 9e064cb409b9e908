"""The picture and what a model says of it: no web, no database, no training."""
