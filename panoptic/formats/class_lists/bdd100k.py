"""The classes of BDD100K: 40 of panoptic, 8 of instance and 19 of semantic segmentation.

From BDD100K's documentation ("Label Format", categories) and the table of labels of its tools,
https://github.com/bdd100k/bdd100k (BSD-3): ids and colours as there. Of 0, "unlabeled", no
class is made: it is the background.
"""

# Id in panoptic bitmasks, train id of semantic masks (None: ignored), name, kind, colour, category.
ROWS: tuple[tuple[int, int | None, str, str, str, str], ...] = (
    (1, None, "dynamic", "stuff", "#6f4a00", "void"),
    (2, None, "ego vehicle", "stuff", "#000000", "void"),
    (3, None, "ground", "stuff", "#510051", "void"),
    (4, None, "static", "stuff", "#000000", "void"),
    (5, None, "parking", "stuff", "#faaaa0", "flat"),
    (6, None, "rail track", "stuff", "#e6968c", "flat"),
    (7, 0, "road", "stuff", "#804080", "flat"),
    (8, 1, "sidewalk", "stuff", "#f423e8", "flat"),
    (9, None, "bridge", "stuff", "#966464", "construction"),
    (10, 2, "building", "stuff", "#464646", "construction"),
    (11, 4, "fence", "stuff", "#be9999", "construction"),
    (12, None, "garage", "stuff", "#b464b4", "construction"),
    (13, None, "guard rail", "stuff", "#b4a5b4", "construction"),
    (14, None, "tunnel", "stuff", "#96785a", "construction"),
    (15, 3, "wall", "stuff", "#66669c", "construction"),
    (16, None, "banner", "stuff", "#faaa64", "object"),
    (17, None, "billboard", "stuff", "#dcdcfa", "object"),
    (18, None, "lane divider", "stuff", "#ffa500", "object"),
    (19, None, "parking sign", "stuff", "#dc143c", "object"),
    (20, 5, "pole", "stuff", "#999999", "object"),
    (21, None, "polegroup", "stuff", "#999999", "object"),
    (22, None, "street light", "stuff", "#dcdc64", "object"),
    (23, None, "traffic cone", "stuff", "#ff4600", "object"),
    (24, None, "traffic device", "stuff", "#dcdcdc", "object"),
    (25, 6, "traffic light", "stuff", "#faaa1e", "object"),
    (26, 7, "traffic sign", "stuff", "#dcdc00", "object"),
    (27, None, "traffic sign frame", "stuff", "#faaafa", "object"),
    (28, 9, "terrain", "stuff", "#98fb98", "nature"),
    (29, 8, "vegetation", "stuff", "#6b8e23", "nature"),
    (30, 10, "sky", "stuff", "#4682b4", "sky"),
    (31, 11, "person", "thing", "#dc143c", "human"),
    (32, 12, "rider", "thing", "#ff0000", "human"),
    (33, 18, "bicycle", "thing", "#770b20", "vehicle"),
    (34, 15, "bus", "thing", "#003c64", "vehicle"),
    (35, 13, "car", "thing", "#00008e", "vehicle"),
    (36, None, "caravan", "thing", "#00005a", "vehicle"),
    (37, 17, "motorcycle", "thing", "#0000e6", "vehicle"),
    (38, None, "trailer", "thing", "#00006e", "vehicle"),
    (39, 16, "train", "thing", "#005064", "vehicle"),
    (40, 14, "truck", "thing", "#000046", "vehicle"),
)

# Names of instance bitmasks and box tracks in the order of their ids, from 1. What is a "person"
# there is a "pedestrian" here.
INSTANCES = ("pedestrian", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")
