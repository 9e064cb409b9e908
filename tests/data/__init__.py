"""Pictures and files that the tests make themselves."""
