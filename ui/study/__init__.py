"""Studies on the screen: the command, the participant's and the experimenter's pages, the terminal."""
