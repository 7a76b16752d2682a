"""Builds the reward model and the demo data that ship inside Pyrite."""
