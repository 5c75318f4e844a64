"""From a text to what it says of the regions of an atlas."""
