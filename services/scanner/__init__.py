"""The scanner service: finds the endpoints of an API and how their contract moves."""
