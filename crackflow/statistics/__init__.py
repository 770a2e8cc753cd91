"""Statistics over plain numbers, without images: confidence intervals from groups, calibration of probabilities."""
