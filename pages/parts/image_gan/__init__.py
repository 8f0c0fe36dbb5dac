"""The parts of the page "GAN on pictures": its panels and its tabs."""
