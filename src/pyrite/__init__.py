"""Pyrite tells gold from fool's gold in reward models."""
