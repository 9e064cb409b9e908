"""Pictures of every page, for whoever looks at them and for the documentation."""
