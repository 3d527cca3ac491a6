"""Go's regular expressions, matched in time that grows with the text alone."""
