"""What the scanner needs from outside: source code, documents, repositories."""
