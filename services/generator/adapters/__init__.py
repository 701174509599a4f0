"""The generator's adapters: writers of tests and renderers of code."""
