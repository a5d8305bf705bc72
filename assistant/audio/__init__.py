"""Sound: waveforms, sound cards, files, echo, and what was played when."""
