"""How good is a generator? Coverage of modes, distances between samples, and what those numbers can mean."""
