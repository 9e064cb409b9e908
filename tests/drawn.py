"""What the labels of drawn fields mean: the end of every recipe that a test writes for them."""

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
