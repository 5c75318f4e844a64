"""The paper's whole grid of runs: which cells it has, what they cost, which weights they need, what came out."""
