"""A model on OpenVINO or ONNX Runtime: which of them runs it, conversion from Keras, and whether they agree."""
