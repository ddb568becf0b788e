"""Contexts of log lines."""
