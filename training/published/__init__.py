"""What only the published systems need."""
