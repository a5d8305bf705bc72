"""What the processes of a run decide alike, and what they add up."""

from collections.abc import Mapping
from typing import Any

import torch


class TrainingProcesses:
    """The processes that train one model; also where there is only one of them.

    Every method but `to_device` waits for all of them: each has to call it as often as the others.
    """

    def __init__(self, accelerator: Any) -> None:
        self.rank: int = accelerator.process_index
        self.world: int = accelerator.num_processes
        self._accelerator = accelerator

    def agree(self, *values: float) -> list[float]:
        """Returns the largest of each value over all processes, so that all decide alike."""
        if self.world == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64).float().to(self._accelerator.device)
        gathered: Any = self._accelerator.gather(tensor[None])
        return gathered.amax(dim=0).tolist()

    def summed(self, sums: Mapping[str, float]) -> dict[str, float]:
        """Returns the sum of each figure over all processes; not all of them need to have it."""
        if self.world == 1:
            return dict(sums)
        from accelerate.utils import gather_object

        total: dict[str, float] = {}
        for part in gather_object([dict(sums)]):
            for name, value in part.items():
                total[name] = total.get(name, 0.0) + value
        return total

    def to_device(self, batch: Any) -> Any:
        """Returns a batch where this process computes."""
        from accelerate.utils import send_to_device

        return send_to_device(batch, self._accelerator.device)
