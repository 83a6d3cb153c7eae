"""Several processes that train one net together, each on its share of every batch.

    torchrun --nproc-per-node 2 script.py

The script stays as it is: `train_torch` finds torchrun's processes, or those of a process group that is already there.
All of them give the same arguments, the whole data and the whole batches; the gradients that DistributedDataParallel
averages are then those of the whole batch. Two processes with batches of 2 B do what one does with the same batches,
as far as the loss is a mean over examples that the net treats apart: batch norm sees the share alone.

On GPUs each process takes its own: device=f"cuda:{os.environ['LOCAL_RANK']}".
"""

import atexit
from contextlib import nullcontext

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel


class Team:
    """The processes of a run, and this one's `rank` among them; 0 of 1 where it is alone."""

    def __init__(self):
        if not distributed.is_available():
            self.rank, self.size = 0, 1
            return
        if distributed.is_torchelastic_launched() and not distributed.is_initialized():
            distributed.init_process_group()
            atexit.register(_leave)
        there = distributed.is_initialized()
        self.rank, self.size = (distributed.get_rank(), distributed.get_world_size()) if there else (0, 1)

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    def wrap(self, net):
        """The net to call: `net`, whose gradients are averages over the team after `backward`."""
        already = self.size == 1 or isinstance(net, DistributedDataParallel)
        return net if already else DistributedDataParallel(net)

    def alone(self, net):
        """A block in which the gradients of a wrapped net only add up, for all but the last part of a step."""
        return net.no_sync() if self.size > 1 else nullcontext()

    def share(self, index):
        """This process's part of a batch; the parts differ by one example at most."""
        return index[self.rank :: self.size] if self.size > 1 else index

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """The mean over the team of a number that every process has."""
        if self.size > 1:
            distributed.all_reduce(value)
            value = value / self.size
        return value

    def gather(self, thing) -> list:
        """What every process gives, by rank."""
        things = [thing]
        if self.size > 1:
            things = [None] * self.size
            distributed.all_gather_object(things, thing)
        return things

    def agree(self, name: str, thing) -> None:
        """Raise ValueError in every process unless all give the same."""
        things = self.gather(thing)
        if any(other != things[0] for other in things):
            raise ValueError(f"{name} differs between the processes, {things} by rank; all must give the same")


def unwrapped(net):
    """The net inside a DistributedDataParallel; any other is itself."""
    return net.module if isinstance(net, DistributedDataParallel) else net


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()
