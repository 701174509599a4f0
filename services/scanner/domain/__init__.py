"""Scan jobs, endpoints, and how two scans differ; pure. Import its modules: a scan's process needs `source` only."""
