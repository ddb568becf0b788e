"""Tests of the names that modules import."""
