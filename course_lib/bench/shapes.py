"""Parameter lists in the shapes of nets that people train."""


def resnet50() -> list[tuple[int, ...]]:
    """161 tensors, 25.6 million entries (He et al. 2016, table 1)."""
    shapes, width = [(64, 3, 7, 7), (64,), (64,)], 64
    for planes, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            for convolution in ((planes, width, 1, 1), (planes, planes, 3, 3), (4 * planes, planes, 1, 1)):
                shapes += [convolution, (convolution[0],), (convolution[0],)]
            if block == 0:
                shapes += [(4 * planes, width, 1, 1), (4 * planes,), (4 * planes,)]
            width = 4 * planes
    return [*shapes, (1000, 2048), (1000,)]


def gpt2_small() -> list[tuple[int, ...]]:
    """148 tensors, 124 million entries (Radford et al. 2019)."""
    d = 768
    block = [(d,), (d,), (d, 3 * d), (3 * d,), (d, d), (d,), (d,), (d,), (d, 4 * d), (4 * d,), (4 * d, d), (d,)]
    return [(50257, d), (1024, d), *(12 * block), (d,), (d,)]


def small() -> list[tuple[int, ...]]:
    """1000 tensors of 1000 entries."""
    return 1000 * [(1000,)]


LISTS = {"ResNet-50": resnet50, "GPT-2 small": gpt2_small, "1000 × 1000": small}
