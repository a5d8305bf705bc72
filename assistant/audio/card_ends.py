"""A conversation at the microphone and the loudspeaker of this machine."""

from collections.abc import Callable
from contextlib import ExitStack

from assistant.audio.devices import DeviceSettings, check_devices
from assistant.audio.echo import EchoMode, open_canceller
from assistant.audio.protocols import Ends
from assistant.audio.sound_card import SoundCard


class CardEnds:
    """The devices that are asked for; they are held only while a conversation is."""

    def __init__(self, devices: DeviceSettings, echo: EchoMode) -> None:
        """Looks whether the devices are there.

        Raises:
            DeviceError: One is missing; the message names the remedy.
        """
        check_devices(devices)
        self.devices = devices
        self._echo: EchoMode = echo

    def open(
        self, cards: ExitStack, *, frame_samples: int, on_change: Callable[[str, bool], None]
    ) -> Ends:
        """Returns the two ends of the conversation.

        Args:
            cards: Gives the devices back.
            frame_samples: Length of the microphone's frames, as the detector takes them.
            on_change: Told of a device that is lost or comes back, and whether it is lost.

        Raises:
            DeviceError: One is missing or cannot be opened; the message names the remedy.
        """
        canceller = open_canceller(self._echo)
        card = SoundCard(self.devices, on_change=on_change, frame_samples=frame_samples)
        cards.callback(card.close)
        return Ends(card, card.speaker, canceller)
