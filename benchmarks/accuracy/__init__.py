"""How well models and recipes segment cracks."""
