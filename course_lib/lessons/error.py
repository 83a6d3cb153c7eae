"""What a lesson can have wrong, said in one sentence."""


class LessonError(ValueError):
    """One sentence: the file, the cell or line, and the reason."""


def first_line(cell):
    """The first line of a cell that says something, as a name for it in a sentence."""
    return next((line.strip() for line in cell.source.splitlines() if line.strip()), "empty")


def cell_error(name, number, cell, reason):
    """A LessonError that points at cell `number` (the first is 1) of the file `name`."""
    return LessonError(f"{name}, cell {number} (`{first_line(cell)}`): {reason}.")
