"""Full-Duplex-Bench v1 and v1.5: its layout and measures, its sets rebuilt where they lack."""
