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

# What `publish` asks of a model of one's own, and that a network of two epochs may be far from good.
OWN_WORDS = (
    *("--attribution", "Drawn.", "--licence", "Apache-2.0", "--known-failure", "It knows drawings only."),
    "--second-opinion",
)
