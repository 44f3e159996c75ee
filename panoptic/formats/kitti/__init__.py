"""KITTI's semantic benchmark, and KITTI-STEP."""
