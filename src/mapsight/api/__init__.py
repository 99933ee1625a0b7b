"""What `import mapsight` offers: the main job from Python. The commands call the same functions."""
