"""How good a trained model is: scores with intervals, robustness, obedience, and a report of them."""
