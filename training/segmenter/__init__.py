"""The network that finds leukocytes: teaching, measuring and publishing it."""
