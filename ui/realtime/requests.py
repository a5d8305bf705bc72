"""What a client may order of sound: what it sends, and what it is sent."""

from math import isfinite

import numpy as np

from assistant import events
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.conversation.live.loop import TalkLoop
from assistant.conversation.question import SaidSpan
from ui.realtime.devices import SocketMicrophone, SocketSpeaker
from ui.realtime.orders.question import (
    LONGEST_COMMIT_S,
    SHORTEST_COMMIT_S,
    PendingQuestion,
    SpokenPart,
    empty_commit,
)
from ui.realtime.protocol.formats import SoundReader, sound_bytes
from ui.realtime.protocol.messages import Handler, Json, ProtocolError, new_id
from ui.realtime.translation import Translator
from ui.realtime.words import WordsOfHeld


class Requests:
    """Obeys the events of the protocol about the buffers of both directions."""

    def __init__(
        self,
        loop: TalkLoop,
        translator: Translator,
        microphone: SocketMicrophone,
        speaker: SocketSpeaker,
        question: PendingQuestion,
        words: WordsOfHeld,
    ) -> None:
        self._loop = loop
        self._words = words
        self._translator = translator
        self._microphone = microphone
        self._speaker = speaker
        self._send = translator.send
        self._question = question
        self._reader = SoundReader()
        self._played_reader = SoundReader()
        self.handlers: dict[str, Handler] = {
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.truncate": self._truncate,
            "output_audio_buffer.clear": self._stop_answer,
        }

    @property
    def cuts_turns(self) -> bool:
        """Whether the client says itself where its turns end."""
        return self._translator.config.audio.input.turn_detection is None

    def hold(self, turn: events.TurnHeld) -> None:
        """Keeps a turn until the client wants it answered."""
        try:
            sound, said = self._sound(turn), SaidSpan(turn.start_s, turn.end_s)
            self._have_wait(self._translator.asked_item, SpokenPart(sound, said))
            self._words.look_for(self._translator.asked_item, sound)
        except ProtocolError as error:
            self._send(error.event(None))

    def _sound(self, turn: events.TurnHeld | events.UtteranceEnded) -> Waveform:
        return self._loop.sound(turn.start_s, turn.end_s)

    def _have_wait(self, item_id: str, part: SpokenPart) -> None:
        """Keeps what was said until it is answered, if it ever is."""
        if self._translator.config.answers:
            self._question.add(item_id, [part])

    def note(self, turn: events.UtteranceEnded) -> None:
        """Keeps the sound of a turn that is answered now: it may have to be asked again."""
        item_id = self._translator.item_of(turn.turn)
        if item_id is not None and turn.reason == "asked":
            self._tell_apart(turn.turn, item_id)
        if item_id is not None and turn.reason not in ("typed", "asked"):
            self._question.asked = {item_id: [SpokenPart(self._sound(turn))]}

    def _tell_apart(self, turn: int, last_id: str) -> None:
        """Has each item of a turn that holds several told its own words, not the last one all."""
        sounds: dict[str, Waveform] = {}
        for item_id, parts in self._question.asked.items():
            spoken = [part.sound for part in parts if not isinstance(part, str)]
            if spoken:
                sounds[item_id] = np.concatenate(spoken)
        if len(sounds) > 1 and last_id in sounds:
            self._translator.share_words(turn)
            self._words.look_apart(sounds)

    async def _append(self, event: Json) -> None:
        sound = self._translator.config.audio.input.format
        data = sound_bytes(event.get("audio"), param="audio")
        samples, rate = self._reader.read(data, sound.type), sound.rate
        if self.cuts_turns:
            seconds = len(samples) / rate
            if self._microphone.kept_s + seconds > LONGEST_COMMIT_S:
                raise ProtocolError(
                    f"the buffer holds at most {LONGEST_COMMIT_S:.0f} s: commit or clear it",
                    code="input_audio_buffer_full",
                    param="audio",
                )
        await self._microphone.push(samples, rate, played=self._played(event, len(samples)))

    def _played(self, event: Json, samples: int) -> Waveform | None:
        """Returns what the client says that it played meanwhile, if it says so; "" is silence."""
        if event.get("attune_played") is None:
            self._played_reader.clear()
            return None
        data = sound_bytes(event["attune_played"], param="attune_played")
        sound = self._translator.config.audio.input.format
        played = self._played_reader.read(data, sound.type)
        if not data:
            return np.zeros(samples, dtype=np.float32)
        if len(played) != samples:
            raise ProtocolError(
                f"attune_played holds {len(played)} samples and audio {samples}: send as many",
                param="attune_played",
            )
        return played

    async def _commit(self, _event: Json) -> None:
        if not self.cuts_turns:
            if not self._loop.end_turn():
                raise empty_commit("no speech is under way")
            return
        self._question.was_tried = True
        appended_s = self._microphone.appended_s
        if appended_s < SHORTEST_COMMIT_S:
            raise empty_commit(f"the buffer holds {1_000 * appended_s:.0f} ms of audio")
        self._reader.clear()
        part, item_id = await self._spoken(self._microphone.take()), new_id("item")
        self._have_wait(item_id, SpokenPart(part))
        self._translator.commit(item_id=item_id)
        self._words.look_for(item_id, part)

    async def _spoken(self, sound: Waveform) -> Waveform:
        """Returns what of `sound` is speech; sound without any is as good as no sound."""
        part = await self._loop.spoken_part(sound)
        if part is None:
            seconds = len(sound) / SPEECH_RATE_HZ
            raise empty_commit(f"no speech was found in {seconds:.1f} s of audio")
        return part

    def _clear(self, _event: Json) -> None:
        self._reader.clear()
        self._microphone.clear()
        self._microphone.silence_waiting()
        self._loop.abandon_turn()
        self._send({"type": "input_audio_buffer.cleared"})

    def _stop_answer(self, _event: Json) -> None:
        self._translator.cancelled_by_client = True
        self._loop.interrupt()

    def _truncate(self, event: Json) -> None:
        item_id = self._translator.items.get(event.get("item_id"))["id"]
        end_ms = event.get("audio_end_ms")
        # Clients compute it from samples, and not all of them round.
        end_ms = round(end_ms) if isinstance(end_ms, float) and isfinite(end_ms) else end_ms
        if not isinstance(end_ms, int) or isinstance(end_ms, bool) or end_ms < 0:
            raise ProtocolError("audio_end_ms must be a count of ms", param="audio_end_ms")
        if event.get("content_index") not in (0, None):
            raise ProtocolError(
                "the sound of an answer is its content 0: use that", param="content_index"
            )
        turn = self._translator.turn_of(item_id)
        if turn is None:
            raise ProtocolError(
                "only the latest answer can be truncated", code="unsupported", param="item_id"
            )
        # A client's clock may run a little past the end.
        end_ms = min(end_ms, self._translator.sent_ms)
        self._translator.cancelled_by_client = True
        self._translator.end_ms = end_ms
        self._loop.correct_heard(turn, round(end_ms * self._speaker.sample_rate / 1_000))
