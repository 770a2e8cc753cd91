"""What is written about the cracks of photographs: tables, JSON, a gallery, pictures, and labels for other tools."""
