"""What computes a forward pass, TensorFlow or, where a bundle has a graph and no GPU is there, OpenVINO; its check."""
