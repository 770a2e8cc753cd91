"""`crackflow crossvalidate`: every group of photographs is tested once, by a model that has not seen it."""
