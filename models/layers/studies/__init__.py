"""Papers on transfer, repeated small: each module trains one paper's nets and says which of its claims are tested."""
