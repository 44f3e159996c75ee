"""How many images hold any of several stored classes: unions, which do not add (RULES 5.5).

What the statistics of a live class are, in one split of a version, where the stored classes S
read as it; `any(X)` is the number of images that hold a segment of a class of X.

======  ===========================================  ==========================================
class   images                                       segments, and crowds among them
======  ===========================================  ==========================================
stuff   any(S): what is one class is one segment     any(S), no crowds
        of an image, however many were stored
thing   any(S)                                       stored segments of T + any(C), and stored
                                                     crowds of T + any(C)
void    images with stored void pixels, or with a    none
        visible pixel of a class that reads as void
======  ===========================================  ==========================================

C are the sources that read as crowds (stuff that a taxonomy made things: one crowd per image)
and T the other sources. Pixels are visible ones and add, everywhere. A set of stored classes
stands for any(); with class 0 in it, it stands for void. A class of things that becomes stuff
joins as many instances as it has stored segments beyond any(S).
"""

from datasets_app.unions.asking import get_union_counts
from datasets_app.unions.counting import count_unions
from datasets_app.unions.sources import HeldImages, SourceSet, UnionCounts

__all__ = ["HeldImages", "SourceSet", "UnionCounts", "count_unions", "get_union_counts"]
