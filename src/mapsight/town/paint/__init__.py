"""A town in colour: pixels from the plan."""
