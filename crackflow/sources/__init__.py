"""Where pairs come from: a folder or zip, Kaggle, or the built-in sample; which image belongs to which mask."""
