"""Data sets, recipes, honest evaluation and published bundles: never imports `app`."""
