"""Constants, errors and room versions."""
