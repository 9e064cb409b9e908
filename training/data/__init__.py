"""What is learnt from: pictures, their labels, groups and sources."""
