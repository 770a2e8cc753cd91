"""The built-in sample: photographs of pavement and concrete made by code, with exact masks."""
