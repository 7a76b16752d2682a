"""Figures of an analysis: one kind per file, each as a picture and as an interactive page."""
