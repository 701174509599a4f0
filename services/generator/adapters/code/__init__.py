"""Renderers of tests as source code."""
