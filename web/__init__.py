"""Shows the durable work to people. README.md is the map."""
