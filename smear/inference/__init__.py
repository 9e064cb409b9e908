"""What a published bundle says of a picture or of its cells."""
