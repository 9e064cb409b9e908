"""The picture and what a model says of it: no web, no database, no training."""

import os

# What Keras and TensorFlow look for when they are imported first, by whichever of our rooms.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# TensorFlow takes oneDNN's kernels unasked only where the processor has AVX-512 VNNI. They are faster without it too.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
