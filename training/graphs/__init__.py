"""Keras networks written down anew as ONNX graphs, which are what serves them where there is no GPU."""
