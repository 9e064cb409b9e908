"""Whether a picture is fit to be read: quality, how it was taken, and what else is on it."""
