"""A conversation at the microphone and the loudspeaker of this machine."""

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

    def open(self, held: ExitStack, *, frame_samples: int, rate_hz: int) -> Ends:
        """Returns the two ends of the conversation; see `ClosedEnds`.

        Raises:
            DeviceError: One is missing or cannot be opened; the message names the remedy.
        """
        canceller = open_canceller(self._echo)
        card = SoundCard(self.devices, frame_samples=frame_samples)
        held.callback(card.close)
        return Ends(card, card.speaker, canceller, card.follow)
