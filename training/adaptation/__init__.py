"""A published bundle made a laboratory's own: by thresholds, by its last layer, or by further training."""
