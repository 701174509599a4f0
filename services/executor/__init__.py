"""Runs test cases against a target and keeps what happened."""
