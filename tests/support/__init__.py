"""Helpers that several tests share, and programs that are no tests themselves."""
