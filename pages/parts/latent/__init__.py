"""The parts of the latent-space page: its panels and its tabs."""
