"""Recipes that tests write for drawn fields: how one of a tiny network begins, and what the labels mean."""

COLOURS = """
name = "colours"
version = "0.1.0"
title = "Colours"
scope = "field"
architecture = "colour_statistics"
input = { height = 32, width = 32 }
preprocess = []
"""

LABELS = """
[labels.leukemic]
name = "Many"
meaning = "Many leukocytes."
malignant = true

[labels.sparse]
name = "Few"
meaning = "Few leukocytes."
malignant = false
"""
