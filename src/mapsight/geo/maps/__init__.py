"""Map files: what each format and model means by a road, what is left out and why."""
