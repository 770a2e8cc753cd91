"""Programs that write pages, tables and weights; they measure nothing."""
