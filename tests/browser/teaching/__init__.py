"""Tests of teaching a model, in a real browser."""
