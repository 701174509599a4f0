"""A lending library: the sample API of TestGen's demo."""
