"""The report: the answer in words, where the model fails, charts, and a gallery of all scored images."""
