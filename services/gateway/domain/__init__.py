"""What the gateway decides, without any I/O: where a request goes, and how documents become one."""
