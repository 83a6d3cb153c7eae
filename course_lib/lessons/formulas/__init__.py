"""Update rules on the page, bound to the code: between two markers stands what the source of a rule says.

`<!-- formula: adam -->` and `<!-- /formula -->` enclose the formula of `rules.adam`. `course build` writes it, and
`course build --check` says where page and code differ. With `<!-- formula: radam by hand -->` the block is left alone,
and its numbers are compared with the rule's.
"""

from course_lib.lessons.formulas.block import faults, fill

__all__ = ["faults", "fill"]
