"""The parts of the image GANs: generators, discriminators, what they minimise, and one training step."""
