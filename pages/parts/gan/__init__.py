"""The GAN page's own parts: what is drawn, how a failure is named, the museum, and the lens on the game's dynamics."""
