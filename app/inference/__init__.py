"""The models at work: the engine, what it has loaded, and jobs over whole cases."""
