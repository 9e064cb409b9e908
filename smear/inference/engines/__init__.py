"""What computes a forward pass: TensorFlow, or OpenVINO where a bundle has a graph and there is no GPU; and its check."""
