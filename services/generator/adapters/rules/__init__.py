"""The rule-based writer of tests: from the contract alone, deterministic, no key needed."""
