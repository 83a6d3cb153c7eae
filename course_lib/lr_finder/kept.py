"""Leave to train for a while: what a block changes is put back, after an exception too."""

import copy
import random
import sys
from contextlib import contextmanager

import numpy as np


@contextmanager
def torch_kept(modules: list, optimizer):
    """Put back the numbers of every tensor, and every entry that training may have written into a module's or the
    optimiser's attributes. The optimiser's state is copied for the block, so that its own tensors are never touched."""
    import torch

    parameters = {p for group in optimizer.param_groups for p in group["params"]}
    parameters |= {p for m in modules for p in m.parameters(recurse=False)}
    tensors = parameters | {b for m in modules for b in m.buffers(recurse=False)}
    values = [(tensor, tensor.detach().clone()) for tensor in tensors]
    gradients = [(p, p.grad) for p in parameters]
    places = [vars(m) for m in modules] + [m._buffers for m in modules]
    places += [vars(optimizer), optimizer.state, *optimizer.param_groups]
    entries = [(place, dict(place)) for place in places]
    try:
        optimizer.state.update(copy.deepcopy(dict(optimizer.state), {id(p): p for p in parameters}))
        optimizer.__setstate__({"state": optimizer.state, "param_groups": optimizer.param_groups})  # drops its caches
        for p in parameters:
            p.grad = None
        yield
    finally:
        for place, before in entries:
            place.clear()
            place.update(before)
        with torch.no_grad():
            for tensor, value in values:
                tensor.copy_(value)
        for p, gradient in gradients:
            p.grad = gradient


@contextmanager
def random_states_kept():
    """Put back the global random states of Python, NumPy and, where it is loaded, torch on the CPU and its devices."""
    torch = sys.modules.get("torch")
    sources = [(random.getstate, random.setstate), (np.random.get_state, np.random.set_state)]
    if torch is not None:
        sources.append((torch.get_rng_state, torch.set_rng_state))
        if torch.cuda.is_initialized():
            sources.append((torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all))
        if torch.backends.mps.is_available():
            sources.append((torch.mps.get_rng_state, torch.mps.set_rng_state))
    states = [(put, get()) for get, put in sources]
    try:
        yield
    finally:
        for put, state in states:
            put(state)
