"""Cracks of a mask as figures: skeleton, length, mask width, optical width, and what a pixel measures in mm."""
