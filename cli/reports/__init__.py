"""Reports of a run: terminal, HTML, JUnit, JSON, SARIF."""
