"""`crackflow app`: a page in a browser on this machine that marks photographs which are dropped on it."""
