"""The generator service: writes, keeps and serves test cases."""
