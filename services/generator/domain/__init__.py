"""The generator's domain: drafts and their rules, test cases, generation jobs. Pure."""
