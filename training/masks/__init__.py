"""How the network that finds leukocytes is taught: pictures labelled with confidence, mixed into scenes, and fitted."""
