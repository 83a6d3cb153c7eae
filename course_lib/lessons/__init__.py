"""The lesson format: one hand-edited source for each lesson, everything else built from it.

`solutions/NN_topic.md` is the source. `build` writes what students open (`notebooks/NN_topic.md` and `.ipynb`, without
the cells tagged `solution`) and the executed `solutions/NN_topic.ipynb`. It stops at the first doubt: a marker that is
not quite right, or an answer that stands in a cell which students see, and nothing is written.
"""

from course_lib.lessons.anatomy import anatomy
from course_lib.lessons.build import build, check
from course_lib.lessons.error import LessonError
from course_lib.lessons.places import find_root, lessons, new, resolve

__all__ = ["LessonError", "anatomy", "build", "check", "find_root", "lessons", "new", "resolve"]
