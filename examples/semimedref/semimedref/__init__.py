"""Semi-MedRef (arXiv 2605.15720): semi-supervised referring segmentation, trained with crossmodal_aug."""
