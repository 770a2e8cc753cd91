"""`crackflow doctor`: checks of what a rebuild needs."""
