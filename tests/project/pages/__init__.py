"""The project around the code: what is installed, what the documentation shows, and what the versions say."""
