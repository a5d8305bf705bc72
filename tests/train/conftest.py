from tests.models.pretrained.small_parts import llama, store, whisper

__all__ = ["llama", "store", "whisper"]
