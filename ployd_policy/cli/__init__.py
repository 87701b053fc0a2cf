"""The command line: fill a value, call `assembly`, print, exit. It judges nothing."""
