"""Types of the callbacks that modules register."""
