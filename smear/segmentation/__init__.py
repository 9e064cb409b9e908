"""Where the leukocytes of a picture are: nucleus, cell and measurements."""
