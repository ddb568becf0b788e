"""The process beside Axolemma that runs modules written for Synapse."""
