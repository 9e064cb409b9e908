"""The readers, a module a format: bytes in, a picture or an error out."""
