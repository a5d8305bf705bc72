"""What every model that ships with Attune must do."""

from models.blsp_emo import BlspEmo
from models.talk import TalkSession


def check_written_talk(model: BlspEmo) -> None:
    """Three typed turns get replies that end, each another one."""
    talk = TalkSession(model)
    replies: list[str] = []
    for text in ("I failed my exam.", "My dog died yesterday.", "Thank you for listening."):
        talk.read(text)
        reply = "".join(talk.reply())
        assert len(reply.split()) >= 3
        assert reply.strip()[-1] in ".?!"
        replies.append(reply)
    assert len(set(replies)) == 3
