"""Studies on the screen: the command, the pages of participant and experimenter, the terminal."""
