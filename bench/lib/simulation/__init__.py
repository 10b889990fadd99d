"""Scorecards by simulation, for evidence.py: many histories at once, in numpy."""
