"""The BLSP-Emo speech-language model in plain PyTorch."""
