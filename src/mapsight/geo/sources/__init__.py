"""Where imagery and maps come from: one file a source."""
