"""A Keras model that somebody else trained, made a bundle: read without running it, measured, and described."""
