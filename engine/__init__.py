"""Models in, durable work out: compiles the procedures of a district and runs them. README.md is the map."""
