"""From regions to the text that states them."""
