"""A trained model on photographs: loading, predicting, the operating point, packaged weights."""
