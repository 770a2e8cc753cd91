"""Charts, overlays, contact sheets and the HTML report."""
