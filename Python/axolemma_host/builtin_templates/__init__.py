"""Templates that modules load without bringing them along: those of mails and pages about accounts' validity."""
