"""What tests of several services share: the session's servers and ways to wait."""
