"""Tests of the differential count."""
