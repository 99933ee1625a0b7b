"""A town on paper: geometry in metres from the image's lower left corner."""
