"""`crackflow compare`: two revisions, experiments or folders side by side, with what is sure and what is not."""
