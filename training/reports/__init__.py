"""Pages, tables and plots of what was measured."""

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams["text.parse_math"] = False  # labels and names are a laboratory's own: a dollar in one is a dollar
