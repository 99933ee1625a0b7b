"""Speed and quality, measured on purpose; never run by the tests."""
